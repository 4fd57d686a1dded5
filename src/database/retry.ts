/** Waiting for a database that is unavailable. */
import { sleep } from '../util/abort.ts'
import { DatabaseUnavailable, type Database } from './database.ts'

const pauseMs = 250

/** Repeats `ask` while the database is unavailable; throws every other error, and the last one when the signal aborts. */
export async function retried<Result>(ask: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable) || signal.aborted) throw error
      await sleep(pauseMs, signal)
    }
  }
}

/** The same database, whose single statements are retried. For reading: a retried statement may run twice. */
export function retryingReads(db: Database, signal: AbortSignal): Database {
  return {
    query: (statement) => retried(() => db.query(statement), signal),
    transaction: (work) => db.transaction(work),
    listen: (...parts) => db.listen(...parts),
    dedicated: () => db.dedicated(),
    close: () => db.close(),
  }
}
