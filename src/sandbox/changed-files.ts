/** Reports the files that a cell created or changed, within limits, and adds a note about the others. */
import type { CellEvent, SandboxLimits } from './port.ts'

const mib = 1024 * 1024

export type EventSink = (event: CellEvent) => void

export interface ChangedFile {
  name: string
  bytes: number
  mtimeMs: number
}

/**
 * Reports the oldest files first, within the limits on their number, on the size of each and on the total. The size is
 * the length for a reader: a sparse file takes no space in the session, but its full length in the blob store.
 */
export function reportFiles(changed: ChangedFile[], limits: SandboxLimits, onEvent: EventSink): void {
  const ordered = changed.toSorted(
    (one, other) => one.mtimeMs - other.mtimeMs || (one.name < other.name ? -1 : 1),
  )
  let files = 0
  let freeBytes = limits.filesMb * mib
  for (const { name, bytes } of ordered) {
    if (files === limits.files || bytes > limits.fileMb * mib || bytes > freeBytes) continue
    files += 1
    freeBytes -= bytes
    onEvent({ type: 'file', name, bytes })
  }
  const left = changed.length - files
  if (left > 0) onEvent({ type: 'logs', text: `[${left} more files were changed and are not stored]\n` })
}
