/** Which of the files that a cell made or changed are told to the host, and what is said about the rest. */
import type { CellEvent, SandboxLimits } from './port.ts'

export type EventSink = (event: CellEvent) => void

export interface ChangedFile {
  name: string
  bytes: number
  mtimeMs: number
}

/** Tells the oldest files first, at most `limits.files`; a note names how many were left out. */
export function filesOf(changed: ChangedFile[], limits: SandboxLimits, onEvent: EventSink): void {
  const maxBytes = limits.fileMb * 1024 * 1024
  const fitting = changed.filter((file) => file.bytes <= maxBytes)
  const ordered = fitting.toSorted(
    (one, other) => one.mtimeMs - other.mtimeMs || (one.name < other.name ? -1 : 1),
  )
  for (const { name, bytes } of ordered.slice(0, limits.files)) onEvent({ type: 'file', name, bytes })
  const left = changed.length - Math.min(ordered.length, limits.files)
  if (left > 0) onEvent({ type: 'logs', text: `[${left} more files were changed and are not handed out]\n` })
}
