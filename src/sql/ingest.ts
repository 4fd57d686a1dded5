/**
 * Ingest as leased work: which worker may work on which row of `vector_store_files`, and the progress of the work. The
 * lease is the worker's row in `workers`, as it is for runs. All times are the database's.
 *
 * The column `takeovers` counts recoveries. It keeps its name, because processes of the version before use it while an
 * upgrade restarts them one by one.
 */
import type { ChunkingStrategy } from '../api/chunking.ts'
import type { VectorStoreFileError } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { removeSegmentsOfKind } from './index-segments.ts'
import { hasRow } from './rows.ts'

/** A claimed row, with the name and content of its file. */
export interface IngestRow {
  seq: number
  project: string
  vector_store_id: string
  file_id: string
  attempt: number
  chunking_strategy: ChunkingStrategy
  text_bytes: number
  chunk_count: number | null
  embedded: number
  reads_whole: boolean | null
  /** How many processes ended while they worked on the file, since its last progress. */
  recoveries: number
  failures: number
  work_ms: number
  /** Null when the file was deleted meanwhile. */
  filename: string | null
  /** Null also when the content of the file was not imported. */
  sha256: string | null
  /** The text of a file whose content was not imported, where that is known. */
  text_sha256: string | null
}

/** The claim of a worker on a row. It fences every write. */
export interface IngestLease {
  seq: number
  lease_owner: string
  attempt: number
}

export interface IngestClaim {
  worker: string
  /** Only files of stores with this embedder. */
  embedder: string
  limit: number
  /** Whether one file may be claimed that a process worked on when it ended. A worker has one such file at a time. */
  suspects: boolean
  /** Stores whose files are not claimed. */
  except: readonly string[]
}

/**
 * Claims up to `limit` files that no worker has claimed, at most one of each store. Files without chunks come before files
 * that lack vectors. Projects take turns, and so do the stores of a project: the one with the fewest claimed files is
 * first. The stores with waiting files, and the first file of each, are looked up one by one in an index, so that the number of
 * waiting files does not matter.
 */
export async function claimIngests(db: Queryable, claim: IngestClaim): Promise<IngestRow[]> {
  return db.query<IngestRow>({
    name: 'claim_ingests',
    text: `with recursive at_work as (
             select f.project, f.vector_store_id from vector_store_files f
             where f.status = 'in_progress' and f.lease_owner is not null
           ), waiting (store) as (
             select min(f.vector_store_id) from vector_store_files f
             where f.status = 'in_progress' and f.lease_owner is null
             union all
             select (select min(f.vector_store_id) from vector_store_files f
                     where f.status = 'in_progress' and f.lease_owner is null and f.vector_store_id > w.store)
             from waiting w where w.store is not null
           ), offered as (
             select o.* from waiting w join vector_stores s on s.id = w.store,
               lateral (
                 select f.seq, f.project, f.vector_store_id, f.takeovers > 0 as suspect from vector_store_files f
                 where f.vector_store_id = w.store and f.status = 'in_progress' and f.lease_owner is null
                   and (f.retry_at is null or f.retry_at <= clock_timestamp()) and (f.takeovers = 0 or $4)
                 order by f.chunk_count is not null, f.takeovers, f.seq limit 1
               ) o
             where s.embedder = $1 and not w.store = any($5)
           ), counted as (
             select seq, project, suspect, random() as chance,
                    (select count(*) from at_work a where a.project = o.project) as of_project,
                    (select count(*) from at_work a where a.vector_store_id = o.vector_store_id) as of_store
             from offered o
           ), ranked as (
             select seq, of_store, chance,
                    of_project + row_number() over (partition by project order by of_store, chance) as turn,
                    suspect and row_number() over (partition by suspect order by chance) > 1 as waits
             from counted
           ), picked as (
             select f.seq from vector_store_files f join ranked r on r.seq = f.seq
             where not r.waits and f.status = 'in_progress' and f.lease_owner is null
             order by r.turn, r.of_store, r.chance limit $3 for update of f skip locked
           ), claimed as (
             update vector_store_files f set attempt = attempt + 1, lease_owner = $2, is_at_work = false
             from picked where f.seq = picked.seq returning f.*
           )
           select c.seq, c.project, c.vector_store_id, c.file_id, c.attempt, c.chunking_strategy, c.text_bytes,
                  c.chunk_count, c.embedded, c.reads_whole, c.takeovers as recoveries, c.failures, c.work_ms,
                  files.filename, files.sha256, files.text_sha256
           from claimed c left join files on files.id = c.file_id`,
    values: [claim.embedder, claim.worker, claim.limit, claim.suspects, claim.except],
  })
}

/**
 * Releases the files of workers whose lease has expired; returns how many. A file that was being
 * worked on counts the loss. From the second loss on it waits, longer each time, so that it is not blamed for a series of
 * restarts.
 */
export async function recoverIngests(db: Queryable): Promise<number> {
  const rows = await db.query({
    name: 'recover_ingests',
    text: `update vector_store_files f set lease_owner = null, attempt = attempt + 1, is_at_work = false,
             takeovers = takeovers + case when is_at_work then 1 else 0 end,
             retry_at = case when is_at_work and takeovers > 0
                             then clock_timestamp() + make_interval(secs => power(4, least(takeovers + 1, 3))) end
           where f.status = 'in_progress' and f.lease_owner is not null and not exists (
             select 1 from workers w where w.id = f.lease_owner and w.expires_at > clock_timestamp())
           returning f.seq`,
  })
  return rows.length
}

/** Records the start of the work; returns false when the claim is lost. */
export async function startIngest(db: Queryable, lease: IngestLease): Promise<boolean> {
  return hasRow(db, {
    name: 'start_ingest',
    text: `update vector_store_files set is_at_work = true
           where seq = $1 and lease_owner = $2 and attempt = $3 and status = 'in_progress' returning seq`,
    values: [lease.seq, lease.lease_owner, lease.attempt],
  })
}

/** Locks the row until the transaction ends; returns false when the claim is lost. */
export async function lockIngest(tx: Queryable, lease: IngestLease): Promise<boolean> {
  return hasRow(tx, {
    name: 'lock_ingest',
    text: `select 1 from vector_store_files
           where seq = $1 and lease_owner = $2 and attempt = $3 and status = 'in_progress' for update`,
    values: [lease.seq, lease.lease_owner, lease.attempt],
  })
}

/** Records that all chunks are stored. The row must be locked. */
export async function recordChunks(
  tx: Queryable,
  seq: number,
  result: { chunk_count: number; text_bytes: number; warnings: readonly string[]; work_ms: number },
): Promise<void> {
  await tx.query({
    name: 'record_chunks',
    text: `update vector_store_files
           set chunk_count = $2, text_bytes = $3, warnings = $4, work_ms = $5, embedded = 0, reads_whole = null,
               takeovers = 0, failures = 0
           where seq = $1`,
    values: [
      seq,
      result.chunk_count,
      result.text_bytes,
      result.warnings.length > 0 ? JSON.stringify(result.warnings) : null,
      Math.round(result.work_ms),
    ],
  })
}

/** Records that the chunks before `embedded` have vectors; `isLast` completes the file. The row must be locked. */
export async function recordVectors(
  tx: Queryable,
  seq: number,
  progress: { embedded: number; reads_whole: boolean; work_ms: number; isLast: boolean },
): Promise<void> {
  await tx.query({
    name: 'record_vectors',
    text: `update vector_store_files set embedded = $2, reads_whole = $3, work_ms = $4, takeovers = 0, failures = 0,
             status = case when $5 then 'completed' else status end,
             lease_owner = case when $5 then null else lease_owner end
           where seq = $1`,
    values: [seq, progress.embedded, progress.reads_whole, Math.round(progress.work_ms), progress.isLast],
  })
}

/** Records that the file cannot be ingested. The row must be locked. */
export async function recordFailure(tx: Queryable, seq: number, error: VectorStoreFileError): Promise<void> {
  await tx.query({
    text: `update vector_store_files set status = 'failed', last_error = $2, lease_owner = null, text_bytes = 0
           where seq = $1`,
    values: [seq, JSON.stringify(error)],
  })
}

/** Releases a row, so that any worker may claim it. `retryAfterMs` counts a failure and delays the next claim. */
export async function releaseIngest(db: Queryable, lease: IngestLease, retryAfterMs?: number): Promise<void> {
  await db.query({
    name: 'release_ingest',
    text: `update vector_store_files set lease_owner = null,
             failures = failures + case when $4::float8 is null then 0 else 1 end,
             retry_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
           where seq = $1 and lease_owner = $2 and attempt = $3`,
    values: [lease.seq, lease.lease_owner, lease.attempt, retryAfterMs ?? null],
  })
}

/** The rows that the worker owns. */
export async function ownedIngests(
  db: Queryable,
  worker: string,
): Promise<{ seq: number; attempt: number }[]> {
  return db.query<{ seq: number; attempt: number }>({
    name: 'owned_ingests',
    text: `select seq, attempt from vector_store_files where status = 'in_progress' and lease_owner = $1`,
    values: [worker],
  })
}

/** For each other embedder, the number of files that wait for it, where no living worker has claimed any of them. */
export async function strandedIngests(
  db: Queryable,
  embedder: string,
): Promise<{ embedder: string; files: number }[]> {
  return db.query<{ embedder: string; files: number }>({
    text: `select s.embedder, count(*) as files
           from vector_store_files f join vector_stores s on s.id = f.vector_store_id
           left join workers w on w.id = f.lease_owner and w.expires_at > clock_timestamp()
           where f.status = 'in_progress' and s.embedder <> $1
           group by s.embedder having count(w.id) = 0`,
    values: [embedder],
  })
}

/** The stores with another embedder that have not expired. */
export async function storesOfOtherEmbedders(
  db: Queryable,
  embedder: string,
): Promise<{ project: string; id: string; embedder: string }[]> {
  return db.query<{ project: string; id: string; embedder: string }>({
    text: 'select project, id, embedder from vector_stores where embedder <> $1 and not is_expired order by id',
    values: [embedder],
  })
}

/**
 * Changes the embedder of a locked store: deletes its vectors and puts its files in progress until they have new ones.
 * Claims on the files are lost.
 */
export async function restartStore(tx: Queryable, vector_store_id: string, embedder: string): Promise<void> {
  await tx.query({
    text: 'update vector_stores set embedder = $2, version = version + 1 where id = $1',
    values: [vector_store_id, embedder],
  })
  await tx.query({
    text: `update vector_store_files
           set status = 'in_progress', embedded = 0, reads_whole = null, lease_owner = null,
               attempt = attempt + 1, takeovers = 0, failures = 0, work_ms = 0, retry_at = null
           where vector_store_id = $1 and status in ('in_progress', 'completed')`,
    values: [vector_store_id],
  })
  await tx.query({ text: 'delete from chunk_windows where vector_store_id = $1', values: [vector_store_id] })
  await removeSegmentsOfKind(tx, vector_store_id, 'vectors')
}

/** The number of files in progress in stores with the embedder. */
export async function countOpenIngests(db: Queryable, embedder: string): Promise<number> {
  const [row] = await db.query<{ files: number }>({
    name: 'count_open_ingests',
    text: `select count(*) as files
           from vector_store_files f join vector_stores s on s.id = f.vector_store_id
           where f.status = 'in_progress' and s.embedder = $1`,
    values: [embedder],
  })
  return row?.files ?? 0
}
