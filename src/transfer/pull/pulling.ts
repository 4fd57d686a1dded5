/** The state and the functions that all parts of a pull share. */
import type { PullClient } from './client.ts'
import { Refusal, RequestFailed } from './client.ts'
import type { PartResult, PullFolder, Reason } from './folder.ts'

export interface Pulling {
  client: PullClient
  folder: PullFolder
  /** ISO 8601. */
  exportedAt: string
  onProgress: () => void
}

const goneStatuses: ReadonlySet<number> = new Set([404, 410])

/** How many parts are requested at the same time. */
const parallel = 4

/**
 * Pulls a part, unless it is complete, and records its result. `what` names it in the report. A list with `hasParts` is
 * complete when all its parts are; no other part may be pulled at the same time.
 */
export async function pullPart(
  { folder, onProgress }: Pulling,
  { part, what, hasParts = false }: { part: string; what: string; hasParts?: boolean },
  work: () => Promise<PartResult>,
): Promise<void> {
  if (folder.isDone(part)) return
  const { failed } = folder.report
  const before = failed.length
  let result: PartResult
  try {
    result = await work()
  } catch (error) {
    if (error instanceof RequestFailed) {
      failed.push({ what, reason: error.message })
      return
    }
    if (!(error instanceof Refusal)) throw error
    result = goneStatuses.has(error.status)
      ? { gone: [what] }
      : { refused: [{ what, reason: error.message }] }
  }
  if (hasParts && failed.length > before) return
  await folder.finishPart(part, result)
  onProgress()
}

/** Calls `work` for several items at a time. After a failure, starts no further item. */
export async function forEachParallel<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  let hasFailed = false
  const worker = async () => {
    for (let next = queue.next(); !next.done && !hasFailed; next = queue.next()) {
      try {
        await work(next.value)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: parallel }, worker))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

/** Whether the id can be a file name and a part of an address. */
export function hasPlainId(object: { id?: unknown }): object is { id: string } {
  return typeof object.id === 'string' && /^\w[\w.:~-]{0,199}$/.test(object.id)
}

/** Objects that are not requested, because of their ids. */
export function refusedIds(objects: readonly { id?: unknown }[]): Reason[] {
  const reason = 'its id has characters that are not allowed in ids'
  return objects.filter((one) => !hasPlainId(one)).map(({ id }) => ({ what: String(id), reason }))
}
