/** Deletes what has expired: files, uploads, vector stores, blobs without a reference, and old records. */
import { collectBlobs } from '../domain/blobs.ts'
import type { Context } from '../domain/context.ts'
import { expireFiles } from '../domain/files.ts'
import { expireVectorStores } from '../domain/vector-stores.ts'
import { expireUploads } from '../domain/uploads.ts'
import { forgetOldAnswers } from '../sql/answers.ts'
import { sweepWorkers } from '../sql/leases.ts'
import { pruneRunLogs } from '../sql/run-events.ts'
import { removeQueuedChunks, removeQueuedRuns } from '../sql/removals.ts'
import { removeOldWork } from '../sql/run-work.ts'
import { pollPause } from '../util/abort.ts'
import { nowSeconds } from '../util/clock.ts'

const pollMs = 1000
const daySeconds = 24 * 60 * 60
/** Run logs that one statement deletes. */
const batch = 50

type SweepContext = Pick<
  Context,
  'blobs' | 'clock' | 'db' | 'hints' | 'log' | 'retrieval' | 'runLogDays' | 'traceDays'
>

/** Each call handles one batch; it returns 0 when nothing is left. */
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

/**
 * Deletes old records: logs and traces of runs, answers for retries, rows of ended workers, rows of deleted objects. Each
 * statement deletes a limited number of rows. Returns 0 when nothing is left; call it again otherwise.
 */
async function pruneRecords({ db, clock, runLogDays, traceDays }: SweepContext): Promise<number> {
  const now = nowSeconds(clock)
  await sweepWorkers(db)
  const answers = await forgetOldAnswers(db, now)
  const work = await removeOldWork(db, (now - traceDays * daySeconds) * 1000)
  const logs = runLogDays === 0 ? 0 : await pruneRunLogs(db, now - runLogDays * daySeconds, batch)
  return answers + work + logs + (await removeQueuedRuns(db)) + (await removeQueuedChunks(db))
}
