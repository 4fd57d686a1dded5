/** Waiting for a database that is unavailable. */
import { sleep } from '../util/abort.ts'
import { codeOf } from '../util/error-code.ts'
import { DatabaseUnavailable, type Database, type Queryable } from './database.ts'

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

/** How long a write waits for a database whose connection was cut. */
const writePatienceMs = 10_000

/** The error code for a transaction that the database does not know, because it was lost with the server that had it. */
const futureTransactionCode = '22023'

/**
 * Creates an object under an id that the caller has chosen. When the connection is cut meanwhile, the object may exist or
 * not: then `create` is repeated for some seconds. When a repeat fails for another reason, the result is the object that
 * `find` returns, because an earlier try created it. Throws at once when no statement was sent.
 */
export function createOnce<Result>(
  create: () => Promise<Result>,
  find: () => Promise<Result | undefined>,
): Promise<Result> {
  return repeatedAfterCut(create, async () => {
    try {
      return await create()
    } catch (error) {
      if (error instanceof DatabaseUnavailable) throw error
      const found = await find()
      if (found === undefined) throw error
      return found
    }
  })
}

/**
 * Like `db.transaction`, but after a cut connection the database is asked whether the transaction was committed, and if
 * not, `work` is repeated for some seconds. Throws at once when no statement was sent.
 */
export function transactionOnce<Result>(
  db: Database,
  work: (tx: Queryable) => Promise<Result>,
): Promise<Result> {
  let done: { xid: string; result: Result } | undefined
  const attempt = () =>
    db.transaction(async (tx) => {
      done = undefined
      // It is not awaited, so that it is sent together with the first statement of `work`.
      const asking = transactionId(tx)
      asking.catch(() => undefined)
      const result = await work(tx)
      done = { xid: await asking, result }
      return result
    })
  return repeatedAfterCut(attempt, async () =>
    done && (await isCommitted(db, done.xid)) ? done.result : attempt(),
  )
}

/**
 * Calls `first`, and after a cut connection `repeat` for some seconds. Without `repeat` it repeats `first`, which then may
 * be done twice. Throws at once when no statement was sent.
 */
export async function repeatedAfterCut<Result>(
  first: () => Promise<Result>,
  repeat = first,
): Promise<Result> {
  try {
    return await first()
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable) || !error.wasSent) throw error
  }
  return retried(repeat, AbortSignal.timeout(writePatienceMs))
}

async function transactionId(tx: Queryable): Promise<string> {
  const [row] = await tx.query<{ xid: string }>({
    name: 'transaction_id',
    text: 'select pg_current_xact_id()::text as xid',
  })
  return row?.xid ?? ''
}

/** Throws `DatabaseUnavailable` while the transaction has not ended: the database may notice the cut late. */
async function isCommitted(db: Queryable, xid: string): Promise<boolean> {
  const statement = { text: 'select pg_xact_status($1::xid8) as status', values: [xid] }
  const [row] = await db.query<{ status: string | null }>(statement).catch((error: unknown) => {
    if (codeOf(error) === futureTransactionCode) return []
    throw error
  })
  if (row?.status === 'in progress') throw new DatabaseUnavailable('A cut transaction has not ended yet')
  return row?.status === 'committed'
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
