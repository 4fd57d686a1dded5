/** Deletes what has expired: files, uploads, vector stores, blobs without a reference, logs of ended runs. */
import { collectBlobs } from '../domain/blobs.ts'
import type { Context } from '../domain/context.ts'
import { expireFiles } from '../domain/files.ts'
import { expireVectorStores } from '../domain/vector-stores.ts'
import { pruneRecords } from '../domain/prune-records.ts'
import { expireUploads } from '../domain/uploads.ts'
import { pollPause } from '../util/abort.ts'

const pollMs = 1000

type SweepContext = Pick<
  Context,
  'blobs' | 'clock' | 'db' | 'hints' | 'log' | 'retrieval' | 'runLogDays' | 'traceDays'
>

/** Each handles one batch a call and returns 0 when nothing is left. */
const sweeps = [expireFiles, expireUploads, expireVectorStores, collectBlobs, pruneRecords]

/** Repeats until the signal aborts; it runs beside the claim loop because a blob store may be slow. */
export async function sweep(context: SweepContext, signal: AbortSignal): Promise<void> {
  while (await pollPause(pollMs, signal)) {
    for (const one of sweeps) await finish(one, context, signal)
  }
}

async function finish(
  one: (context: SweepContext) => Promise<number>,
  context: SweepContext,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted && (await one(context)) > 0);
  } catch (error) {
    context.log('warn', 'expired objects could not be deleted', { sweep: one.name, error })
  }
}
