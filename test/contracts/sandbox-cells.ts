/** Sessions and cells for the tests of the sandbox drivers. */
import { onTestFinished } from 'vitest'
import type { CellEnd, SandboxDriver, SandboxLimits, SandboxSession } from '../../src/sandbox/port.ts'

export interface SandboxSubject {
  name: string
  driver: SandboxDriver
  /** Why the driver cannot run here; printed by the caller. */
  skip: string | undefined
  /** Whether matplotlib can be imported. */
  matplotlib: boolean
}

/** For cells that end by themselves. */
export const roomyLimits: SandboxLimits = {
  wallMs: 30_000,
  graceMs: 1000,
  memoryMb: 512,
  processes: 32,
  fileMb: 16,
  diskMb: 48,
  tmpMb: 16,
  outputBytes: 20_000,
  images: 3,
  files: 5,
  filesMb: 24,
}

/** For cells that must be killed. */
export const hastyLimits: SandboxLimits = { ...roomyLimits, wallMs: 1500, graceMs: 500 }

/**
 * For cells that must end by the interrupt and keep their session: a busy machine may need a while for that, and for
 * the next cell.
 */
export const patientLimits: SandboxLimits = { ...roomyLimits, wallMs: 4000, graceMs: 60_000 }

export interface CellRecord {
  end: CellEnd
  logs: string
  images: Buffer[]
  files: { name: string; bytes: number }[]
}

export async function runCode(
  session: SandboxSession,
  code: string,
  signal = new AbortController().signal,
): Promise<CellRecord> {
  const record: CellRecord = {
    end: { status: 'crashed', sessionLost: true },
    logs: '',
    images: [],
    files: [],
  }
  record.end = await session.run(
    code,
    (event) => {
      if (event.type === 'logs') record.logs += event.text
      if (event.type === 'image') record.images.push(event.png)
      if (event.type === 'file') record.files.push({ name: event.name, bytes: event.bytes })
    },
    signal,
  )
  return record
}

/** Opens a session that ends with the test. */
export async function openFor(driver: SandboxDriver, limits = roomyLimits): Promise<SandboxSession> {
  const session = await driver.open(limits)
  onTestFinished(() => session.close())
  return session
}
