/** Lets a run with file_search wait for the vector stores of its thread. */
import { hasOpenFiles } from '../sql/vector-store-files.ts'
import { findStoreRows, isExpired } from '../sql/vector-stores.ts'
import { sleep } from '../util/abort.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** The time for which the live service waits for the store of the thread. It does not wait for the assistant's stores. */
const maxWaitMs = 60_000
const pollMs = 200

/**
 * Waits until the files of the thread's stores have been read, at most a minute. Returns the ids of expired stores; when
 * there are any, it does not wait. Throws the signal's reason.
 */
export async function waitForVectorStores(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  project: string,
  stores: { ofAssistant: readonly string[]; ofThread: readonly string[] },
  signal: AbortSignal,
): Promise<string[]> {
  const all = await findStoreRows(db, project, [...stores.ofThread, ...stores.ofAssistant])
  const expired = all.filter((row) => isExpired(row, nowSeconds(clock))).map((row) => row.id)
  if (expired.length > 0) return expired
  const startedMs = performance.now()
  for (const id of stores.ofThread) {
    while (performance.now() - startedMs < maxWaitMs && (await hasOpenFiles(db, { project, id }))) {
      await sleep(pollMs, signal)
      signal.throwIfAborted()
    }
  }
  return []
}
