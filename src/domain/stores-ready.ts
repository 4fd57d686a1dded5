/** What a run that searches waits for before it begins. */
import { hasOpenFiles } from '../sql/vector-store-files.ts'
import { findStoreRows, isExpired } from '../sql/vector-stores.ts'
import { sleep } from '../util/abort.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** As long as the live service waits for the thread's own store; it does not wait for the assistant's. */
const patienceMs = 60_000
const pollMs = 200

/** Waits until the files of the thread's stores are read, or long enough; answers the stores that have expired. */
export async function storesReady(
  context: Context,
  project: string,
  stores: { ofAssistant: readonly string[]; ofThread: readonly string[] },
  signal: AbortSignal,
): Promise<string[]> {
  const all = await findStoreRows(context.db, project, [...stores.ofThread, ...stores.ofAssistant])
  const expired = all.filter((row) => isExpired(row, nowSeconds(context.clock))).map((row) => row.id)
  if (expired.length > 0) return expired
  const startedMs = performance.now()
  for (const id of stores.ofThread) {
    while (performance.now() - startedMs < patienceMs && (await hasOpenFiles(context.db, { project, id }))) {
      await sleep(pollMs, signal)
      signal.throwIfAborted()
    }
  }
  return []
}
