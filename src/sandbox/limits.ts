/** The default limits of a session and of a cell. */
import type { SandboxLimits } from './port.ts'

export const defaultLimits: SandboxLimits = {
  wallMs: 120_000,
  graceMs: 2000,
  memoryMb: 1024,
  processes: 64,
  fileMb: 256,
  diskMb: 1024,
  tmpMb: 64,
  outputBytes: 256 * 1024,
  images: 20,
  files: 50,
  filesMb: 512,
}
