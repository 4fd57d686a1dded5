/**
 * Leases: which process may work on a row. The lease is the process's own row in `workers`; a leased row names its
 * owner and counts its attempts. All times here are the database's.
 */
import type { Queryable } from '../database/database.ts'
import { runColumns, type RunRow } from './runs.ts'

/** After this many losses with visible work and without progress, the run itself is taken for their cause. */
export const maxLosses = 3

/** How long a worker without a heartbeat keeps its rows. */
export const leaseSeconds = 3

export async function registerWorker(db: Queryable, worker: string): Promise<void> {
  await db.query({
    text: `insert into workers (id, expires_at) values ($1, clock_timestamp() + make_interval(secs => $2))
           on conflict (id) do update set expires_at = excluded.expires_at`,
    values: [worker, leaseSeconds],
  })
}

/** Ends the lease of a worker that stops, and releases its runs. */
export async function retireWorker(db: Queryable, worker: string): Promise<void> {
  await db.query({
    text: `with released as (update runs set lease_owner = null where lease_owner = $1)
           delete from workers where id = $1`,
    values: [worker],
  })
}

/** For the embedded database, which one process uses at a time: all earlier workers have ended. */
export async function retireAllWorkers(db: Queryable): Promise<void> {
  await db.query({ text: 'delete from workers' })
}

export interface OwnedRun {
  id: string
  attempt: number
  status: RunRow['status']
}

/** Renews the lease and returns the active runs that the worker owns. */
export async function renewLease(db: Queryable, worker: string): Promise<OwnedRun[]> {
  return db.query<OwnedRun>({
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

/** Deletes rows of processes that ended long ago. */
export async function forgetDeadWorkers(db: Queryable): Promise<void> {
  await db.query({ text: `delete from workers where expires_at < clock_timestamp() - interval '10 minutes'` })
}

const ownerIsDead = `not exists (
  select 1 from workers w where w.id = r.lease_owner and w.expires_at > clock_timestamp())`

/** A queued run whose thread has its session in another living process is left to that one for this long. */
const sessionPatience = `interval '1 second'`

const sessionIsElsewhere = `exists (
  select 1 from threads t join workers w on w.id = t.session_worker
  where t.id = r.thread_id and w.id <> $1 and w.expires_at > clock_timestamp())`

/**
 * Locks up to `limit` runs that may be claimed: queued ones, and those whose owner's lease has ended. Rows that
 * another process is claiming are skipped.
 */
export async function lockClaimableRuns(tx: Queryable, worker: string, limit: number): Promise<RunRow[]> {
  return tx.query<RunRow>({
    name: 'lock_claimable_runs',
    text: `select ${runColumns} from runs r
           where status in ('queued', 'in_progress', 'cancelling') and ${ownerIsDead}
             and (claimable_at <= clock_timestamp() or losses >= ${maxLosses})
             and (queued_at < clock_timestamp() - ${sessionPatience} or not ${sessionIsElsewhere})
           order by seq limit $2 for update of r skip locked`,
    values: [worker, limit],
  })
}

/** Locks runs without a valid lease that must end: expired ones, and those that are being cancelled. */
export async function lockRunsToEnd(tx: Queryable, now: number, limit: number): Promise<RunRow[]> {
  return tx.query<RunRow>({
    name: 'lock_runs_to_end',
    text: `select ${runColumns} from runs r
           where (status = 'cancelling'
                  or (status in ('queued', 'requires_action', 'in_progress') and expires_at <= $1))
             and ${ownerIsDead}
           order by seq limit $2 for update of r skip locked`,
    values: [now, limit],
  })
}

/** Releases a run at this attempt, so that any worker may claim it. */
export async function releaseRun(
  db: Queryable,
  worker: string,
  run: Pick<OwnedRun, 'id' | 'attempt'>,
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
  const rows = await db.query({
    name: 'has_session_elsewhere',
    text: `select 1 from threads t join workers w on w.id = t.session_worker
           where t.id = $1 and w.id <> $2 and w.expires_at > clock_timestamp()`,
    values: [thread_id, worker],
  })
  return rows.length > 0
}

/** Records who holds the session of the thread; answers who did before. */
export async function takeSession(db: Queryable, thread_id: string, worker: string): Promise<string | null> {
  const [before] = await db.query<{ session_worker: string | null }>({
    text: `update threads t set session_worker = $2 from threads old
           where t.id = $1 and old.id = t.id returning old.session_worker`,
    values: [thread_id, worker],
  })
  return before?.session_worker ?? null
}
