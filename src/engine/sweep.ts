/** What has to go when its time is over: files, uploads, vector stores, and contents that nothing refers to. */
import { collectBlobs } from '../domain/collect-blobs.ts'
import type { Context } from '../domain/context.ts'
import { expireFiles } from '../domain/delete-file.ts'
import { expireVectorStores } from '../domain/expire-vector-stores.ts'
import { expireUploads } from '../domain/close-upload.ts'
import { sleep } from '../util/abort.ts'

const pollMs = 1000

/** Each ends one thing a call and answers 0 when there is none left. */
const sweeps = [expireFiles, expireUploads, expireVectorStores, collectBlobs]

/** Goes on until the signal aborts; beside the worker's loop, since a blob store may be slow. */
export async function sweep(context: Context, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const one of sweeps) await finish(one, context, signal)
    await sleep(pollMs, signal)
  }
}

async function finish(
  one: (context: Context) => Promise<number>,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted && (await one(context)) > 0);
  } catch (error) {
    context.log('warn', 'what is over could not be removed', { sweep: one.name, error })
  }
}
