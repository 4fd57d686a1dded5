/**
 * Bringing files into vector stores, as leased work: who may work on which row of `vector_store_files`, and every
 * step forward. The lease is the worker's own row in `workers`, as it is for runs. Times here are the database's.
 */
import type { ChunkingStrategy } from '../api/chunking.ts'
import type { VectorStoreFileError } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'

/** A claimed row, with what is known of its file. */
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
  takeovers: number
  failures: number
  /** Null when the file was deleted just now. */
  filename: string | null
  sha256: string | null
}

/** Who works on which row; every write is fenced by it. */
export interface IngestLease {
  seq: number
  lease_owner: string
  attempt: number
}

const isOpen = `f.status = 'in_progress' and (f.retry_at is null or f.retry_at <= clock_timestamp())
  and not exists (select 1 from workers w where w.id = f.lease_owner and w.expires_at > clock_timestamp())`

/**
 * Claims up to `limit` rows that nobody works on, of stores with the embedder. Each store offers one file, and chance
 * decides between stores, so that a large one does not hold up the others; within a store files that cannot be
 * found yet go before those that only lack vectors.
 */
export async function claimIngests(
  tx: Queryable,
  claim: { worker: string; embedder: string; limit: number },
): Promise<IngestRow[]> {
  const rows = await tx.query<{ seq: number }>({
    name: 'lock_claimable_ingests',
    text: `select f.seq from vector_store_files f where f.seq in (
             select distinct on (f.vector_store_id) f.seq
             from vector_store_files f join vector_stores s on s.id = f.vector_store_id
             where s.embedder = $1 and ${isOpen}
             order by f.vector_store_id, f.chunk_count is not null, f.seq)
           and ${isOpen}
           order by random() limit $2 for update skip locked`,
    values: [claim.embedder, claim.limit],
  })
  return tx.query<IngestRow>({
    name: 'claim_ingests',
    text: `with claimed as (
             update vector_store_files set attempt = attempt + 1, lease_owner = $2,
               takeovers = takeovers + case when lease_owner is null then 0 else 1 end
             where seq = any($1) returning *)
           select c.seq, c.project, c.vector_store_id, c.file_id, c.attempt, c.chunking_strategy, c.text_bytes,
                  c.chunk_count, c.embedded, c.reads_whole, c.takeovers, c.failures, files.filename, files.sha256
           from claimed c left join files on files.id = c.file_id`,
    values: [rows.map((row) => row.seq), claim.worker],
  })
}

/** Whether the lease still holds; if so the row is locked until the transaction ends. */
export async function holdIngest(tx: Queryable, lease: IngestLease): Promise<boolean> {
  const rows = await tx.query({
    name: 'hold_ingest',
    text: `select 1 from vector_store_files
           where seq = $1 and lease_owner = $2 and attempt = $3 and status = 'in_progress' for update`,
    values: [lease.seq, lease.lease_owner, lease.attempt],
  })
  return rows.length > 0
}

/** The chunks are all there. The row is held. */
export async function recordChunks(
  tx: Queryable,
  seq: number,
  made: { chunk_count: number; text_bytes: number },
): Promise<void> {
  await tx.query({
    name: 'record_chunks',
    text: `update vector_store_files
           set chunk_count = $2, text_bytes = $3, embedded = 0, reads_whole = null, takeovers = 0, failures = 0
           where seq = $1`,
    values: [seq, made.chunk_count, made.text_bytes],
  })
}

/** The chunks before `embedded` have their vectors; `isLast` completes the file. The row is held. */
export async function recordVectors(
  tx: Queryable,
  seq: number,
  made: { embedded: number; reads_whole: boolean; isLast: boolean },
): Promise<void> {
  await tx.query({
    name: 'record_vectors',
    text: `update vector_store_files set embedded = $2, reads_whole = $3, takeovers = 0, failures = 0,
             status = case when $4 then 'completed' else status end,
             lease_owner = case when $4 then null else lease_owner end
           where seq = $1`,
    values: [seq, made.embedded, made.reads_whole, made.isLast],
  })
}

/** The file cannot be brought in. The row is held. */
export async function recordFailure(tx: Queryable, seq: number, error: VectorStoreFileError): Promise<void> {
  await tx.query({
    text: `update vector_store_files set status = 'failed', last_error = $2, lease_owner = null, text_bytes = 0
           where seq = $1`,
    values: [seq, JSON.stringify(error)],
  })
}

/** Lets go of a row, which somebody else may claim; `retryAfterMs` counts a failure and makes everyone wait. */
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

/** What the database says is the worker's. */
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

/** Files that wait for another embedder than ours, and whose, where nobody is at work on any of them. */
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

/** The stores that were made with another embedder and may still be searched. */
export async function storesOfOtherEmbedders(
  db: Queryable,
  embedder: string,
): Promise<{ project: string; id: string }[]> {
  return db.query<{ project: string; id: string }>({
    text: 'select project, id from vector_stores where embedder <> $1 and not is_expired order by id',
    values: [embedder],
  })
}

/**
 * Gives a store, whose row is locked, another embedder: its vectors go, and its files are in progress until they have
 * new ones. Whoever worked on them has lost them.
 */
export async function beginAnew(tx: Queryable, vector_store_id: string, embedder: string): Promise<void> {
  await tx.query({
    text: 'update vector_stores set embedder = $2, version = version + 1 where id = $1',
    values: [vector_store_id, embedder],
  })
  await tx.query({
    text: `update vector_store_files
           set status = 'in_progress', embedded = 0, reads_whole = null, lease_owner = null,
               attempt = attempt + 1, takeovers = 0, failures = 0, retry_at = null
           where vector_store_id = $1 and status in ('in_progress', 'completed')`,
    values: [vector_store_id],
  })
  await tx.query({ text: 'delete from chunk_windows where vector_store_id = $1', values: [vector_store_id] })
}

/** Files that are still to be brought in, of stores with the embedder. */
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
