/**
 * Leases: which process may work on a row. The lease is the row of the process in `workers`; a leased row names its
 * owner and counts its attempts. All times are the database's.
 */
import type { Queryable } from '../database/database.ts'
import { runColumns, type RunRow } from './runs.ts'
import { hasRow } from './rows.ts'

/** A run that lost its worker this often in the middle of a turn, and recorded no turn since, is assumed to cause the losses. */
export const maxLosses = 3

/** How long the lease of a worker without a heartbeat lasts. */
export const leaseSeconds = 3

export async function registerWorker(db: Queryable, worker: string): Promise<void> {
  await db.query({
    text: `insert into workers (id, expires_at) values ($1, clock_timestamp() + make_interval(secs => $2))
           on conflict (id) do update set expires_at = excluded.expires_at`,
    values: [worker, leaseSeconds],
  })
}

/** Deletes the lease of a worker that stops, and releases its runs. */
export async function retireWorker(db: Queryable, worker: string): Promise<void> {
  await db.query({
    text: `with released as (update runs set lease_owner = null where lease_owner = $1)
           delete from workers where id = $1`,
    values: [worker],
  })
}

/** Deletes all leases. For the embedded database, which one process uses at a time: all earlier workers have ended. */
export async function retireAllWorkers(db: Queryable): Promise<void> {
  await db.query({ text: 'delete from workers' })
}

export interface LeasedRun {
  id: string
  attempt: number
  status: RunRow['status']
}

/** Renews the lease and returns the active runs that the worker owns. */
export async function renewLease(db: Queryable, worker: string): Promise<LeasedRun[]> {
  return db.query<LeasedRun>({
    name: 'renew_lease',
    text: `with lease as (
             insert into workers (id, expires_at) values ($1, clock_timestamp() + make_interval(secs => $2))
             on conflict (id) do update set expires_at = excluded.expires_at
           )
           select id, attempt, status from runs
           where lease_owner = $1 and status in ('queued', 'in_progress', 'requires_action', 'cancelling')`,
    values: [worker, leaseSeconds],
  })
}

/**
 * Deletes rows of processes that ended long ago. Shortens leases that end later than any lease can, because the clock of the
 * database was set back: a worker that lives renews its own in time.
 */
export async function sweepWorkers(db: Queryable): Promise<void> {
  await db.query({
    text: `with shortened as (
             update workers set expires_at = clock_timestamp() + make_interval(secs => $1)
             where expires_at > clock_timestamp() + make_interval(secs => $1)
           )
           delete from workers where expires_at < clock_timestamp() - interval '10 minutes'`,
    values: [leaseSeconds],
  })
}

const leaseHasExpired = `not exists (
  select 1 from workers w where w.id = r.lease_owner and w.expires_at > clock_timestamp())`

/** For this long, a queued run is only claimed by the process that holds the Python session of its thread. */
const sessionHeadStart = `interval '1 second'`

const sessionIsElsewhere = `exists (
  select 1 from threads t join workers w on w.id = t.session_worker
  where t.id = r.thread_id and w.id <> $1 and w.expires_at > clock_timestamp())`

/**
 * Locks up to `limit` runs that may be claimed: queued runs, and runs whose owner's lease has expired. Rows
 * that another process is claiming are skipped.
 */
export async function lockClaimableRuns(tx: Queryable, worker: string, limit: number): Promise<RunRow[]> {
  return tx.query<RunRow>({
    name: 'lock_claimable_runs',
    text: `select ${runColumns} from runs r
           where status in ('queued', 'in_progress', 'cancelling') and ${leaseHasExpired}
             and (claimable_at <= clock_timestamp() or losses >= ${maxLosses})
             and (queued_at < clock_timestamp() - ${sessionHeadStart} or not ${sessionIsElsewhere})
           order by seq limit $2 for update of r skip locked`,
    values: [worker, limit],
  })
}

/** Locks runs without a valid lease that must end: they have expired or are being cancelled. */
export async function lockRunsToEnd(tx: Queryable, now: number, limit: number): Promise<RunRow[]> {
  return tx.query<RunRow>({
    name: 'lock_runs_to_end',
    text: `select ${runColumns} from runs r
           where (status = 'cancelling'
                  or (status in ('queued', 'requires_action', 'in_progress') and expires_at <= $1))
             and ${leaseHasExpired}
           order by seq limit $2 for update of r skip locked`,
    values: [now, limit],
  })
}

/** Releases a run, unless it has a newer attempt, so that any worker may claim it. */
export async function releaseRun(
  db: Queryable,
  worker: string,
  run: Pick<LeasedRun, 'id' | 'attempt'>,
): Promise<void> {
  await db.query({
    text: 'update runs set lease_owner = null where id = $1 and lease_owner = $2 and attempt = $3',
    values: [run.id, worker, run.attempt],
  })
}

/** Whether another living process holds the session of the thread. */
export async function hasSessionElsewhere(
  db: Queryable,
  thread_id: string,
  worker: string,
): Promise<boolean> {
  return hasRow(db, {
    name: 'has_session_elsewhere',
    text: `select 1 from threads t join workers w on w.id = t.session_worker
           where t.id = $1 and w.id <> $2 and w.expires_at > clock_timestamp()`,
    values: [thread_id, worker],
  })
}

/** Records the worker that holds the session of the thread; returns the previous one. */
export async function takeSession(db: Queryable, thread_id: string, worker: string): Promise<string | null> {
  const [before] = await db.query<{ session_worker: string | null }>({
    text: `update threads t set session_worker = $2 from threads old
           where t.id = $1 and old.id = t.id returning old.session_worker`,
    values: [thread_id, worker],
  })
  return before?.session_worker ?? null
}

/** A read-only database refuses the statement, which locks and writes nothing. */
export async function checkWritable(db: Queryable): Promise<void> {
  await db.query({ text: 'select 1 from workers where false for update' })
}
