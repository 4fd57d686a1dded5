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

/** How long a creation waits for a database whose connection was cut. */
const creationPatienceMs = 10_000

/**
 * Creates an object under an id that the caller has chosen. When the connection is cut meanwhile, the object may exist or
 * not: then `create` is repeated for some seconds. When a repeat fails for another reason, the result is the object that
 * `find` returns, because an earlier try created it. Throws at once when no statement was sent.
 */
export async function createOnce<Result>(
  create: () => Promise<Result>,
  find: () => Promise<Result | undefined>,
): Promise<Result> {
  try {
    return await create()
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable) || !error.wasSent) throw error
  }
  const repeat = async () => {
    try {
      return await create()
    } catch (error) {
      if (error instanceof DatabaseUnavailable) throw error
      const found = await find()
      if (found === undefined) throw error
      return found
    }
  }
  return retried(repeat, AbortSignal.timeout(creationPatienceMs))
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
