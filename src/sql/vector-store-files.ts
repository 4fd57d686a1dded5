/** Rows of `vector_store_files` as clients see and change them. ingest.ts has the statements of the ingest worker. */
import { expandChunkingStrategy, type ChunkingStrategy } from '../api/chunking.ts'
import type { Attributes } from '../api/metadata.ts'
import type { VectorStoreFile, VectorStoreFileStatus } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { listRows, type Page, type PageQuery } from './pages.ts'
import { findRow, hasRow } from './rows.ts'

export interface StoreFileKey {
  project: string
  vector_store_id: string
  file_id: string
}

/** The wire object, keys in wire order. */
const columns = `file_id as id, 'vector_store.file' as object,
  case when status = 'completed' then text_bytes else 0 end as usage_bytes,
  created_at, vector_store_id, status, last_error, chunking_strategy, attributes`

/** A file that a request adds to a store. Fields that the request does not set are undefined. */
export interface NewStoreFile {
  file_id: string
  chunking_strategy: ChunkingStrategy | undefined
  attributes: Attributes | undefined
}

/** Adds the files that the store does not have yet, in order. The store must be locked. Returns the `seq` of each new one. */
export async function insertStoreFiles(
  tx: Queryable,
  place: { project: string; vector_store_id: string; now: number },
  files: readonly NewStoreFile[],
): Promise<number[]> {
  const rows = await tx.query<{ seq: number }>({
    text: `insert into vector_store_files (project, vector_store_id, file_id, created_at, status, chunking_strategy,
                                           attributes)
           select $1, $2, file_id, $3, 'in_progress', chunking_strategy, attributes
           from unnest($4::text[], $5::json[], $6::json[]) with ordinality
             as input (file_id, chunking_strategy, attributes, place)
           order by place
           on conflict (vector_store_id, file_id) do nothing returning seq`,
    values: [
      place.project,
      place.vector_store_id,
      place.now,
      files.map((file) => file.file_id),
      files.map((file) => JSON.stringify(file.chunking_strategy ?? expandChunkingStrategy())),
      files.map((file) => JSON.stringify(file.attributes ?? {})),
    ],
  })
  return rows.map((row) => row.seq)
}

/** Sets the attributes of files of a locked store, where the request sets them. */
export async function updateAttributes(
  tx: Queryable,
  vector_store_id: string,
  files: readonly NewStoreFile[],
): Promise<void> {
  const named = files.filter((file) => file.attributes)
  await tx.query({
    text: `update vector_store_files f set attributes = input.attributes
           from unnest($2::text[], $3::json[]) as input (file_id, attributes)
           where f.vector_store_id = $1 and f.file_id = input.file_id`,
    values: [
      vector_store_id,
      named.map((file) => file.file_id),
      named.map((file) => JSON.stringify(file.attributes)),
    ],
  })
}

/**
 * Restarts files of a locked store: those that failed or were cancelled, and those for which the request sets another
 * chunking strategy. Returns the `seq` of each; the caller must delete their chunks.
 */
export async function restartStoreFiles(
  tx: Queryable,
  vector_store_id: string,
  files: readonly NewStoreFile[],
): Promise<number[]> {
  const rows = await tx.query<{ seq: number }>({
    text: `update vector_store_files f
           set status = 'in_progress', last_error = null, text_bytes = 0, chunk_count = null, embedded = 0,
               chunking_strategy = coalesce(input.chunking_strategy, f.chunking_strategy), reads_whole = null,
               lease_owner = null, attempt = f.attempt + 1, restarts = f.restarts + 1, takeovers = 0, failures = 0,
               retry_at = null
           from unnest($2::text[], $3::json[]) as input (file_id, chunking_strategy)
           where f.vector_store_id = $1 and f.file_id = input.file_id
             and (f.status in ('failed', 'cancelled')
                  or input.chunking_strategy::jsonb <> f.chunking_strategy::jsonb)
           returning f.seq`,
    values: [
      vector_store_id,
      files.map((file) => file.file_id),
      files.map(({ chunking_strategy }) => (chunking_strategy ? JSON.stringify(chunking_strategy) : null)),
    ],
  })
  return rows.map((row) => row.seq)
}

/** The `seq` of each of the files that is in the store. */
export async function seqsOfFiles(
  tx: Queryable,
  vector_store_id: string,
  file_ids: readonly string[],
): Promise<number[]> {
  const rows = await tx.query<{ seq: number }>({
    text: 'select seq from vector_store_files where vector_store_id = $1 and file_id = any($2)',
    values: [vector_store_id, file_ids],
  })
  return rows.map((row) => row.seq)
}

export async function findStoreFile(
  db: Queryable,
  key: StoreFileKey,
): Promise<(VectorStoreFile & { seq: number }) | undefined> {
  return findRow<VectorStoreFile & { seq: number }>(db, {
    name: 'find_store_file',
    text: `select seq, ${columns} from vector_store_files
           where vector_store_id = $1 and file_id = $2 and project = $3`,
    values: [key.vector_store_id, key.file_id, key.project],
  })
}

export async function setAttributes(
  db: Queryable,
  key: StoreFileKey,
  attributes: Attributes,
): Promise<VectorStoreFile | undefined> {
  return findRow<VectorStoreFile>(db, {
    text: `update vector_store_files set attributes = $4
           where vector_store_id = $1 and file_id = $2 and project = $3 returning ${columns}`,
    values: [key.vector_store_id, key.file_id, key.project, JSON.stringify(attributes)],
  })
}

interface FileListScope {
  project: string
  vector_store_id: string
  /** Only the files of a batch. */
  batch_id?: string | undefined
  status?: VectorStoreFileStatus | undefined
}

export async function listStoreFiles(
  db: Queryable,
  { status, ...where }: FileListScope,
  page: PageQuery,
): Promise<Page<VectorStoreFile>> {
  return listRows(db, {
    table: where.batch_id === undefined ? 'vector_store_files' : 'files_of_batches',
    columns,
    where,
    filter: { status },
    page,
    idColumn: 'file_id',
  })
}

/** Removes a file from a locked store; returns its `seq`. The caller must delete its chunks. */
export async function removeStoreFile(tx: Queryable, key: StoreFileKey): Promise<number | undefined> {
  const [row] = await tx.query<{ seq: number }>({
    text: `delete from vector_store_files
           where vector_store_id = $1 and file_id = $2 and project = $3 returning seq`,
    values: [key.vector_store_id, key.file_id, key.project],
  })
  if (row) await tx.query({ text: 'delete from file_batch_files where store_file = $1', values: [row.seq] })
  return row?.seq
}

/** Records that a file was removed from the store because the file itself was deleted. */
export async function noteDeletedFile(tx: Queryable, key: StoreFileKey): Promise<void> {
  await tx.query({
    text: 'insert into deleted_store_files (project, vector_store_id, file_id) values ($1, $2, $3)',
    values: [key.project, key.vector_store_id, key.file_id],
  })
}

/** Deletes that record; returns false when there was none. */
export async function forgetDeletedFile(tx: Queryable, key: StoreFileKey): Promise<boolean> {
  return hasRow(tx, {
    text: `delete from deleted_store_files
           where vector_store_id = $1 and file_id = $2 and project = $3 returning file_id`,
    values: [key.vector_store_id, key.file_id, key.project],
  })
}

/** Removes all files of a locked store, with their batches. */
export async function removeAllStoreFiles(tx: Queryable, vector_store_id: string): Promise<void> {
  await tx.query({
    text: `delete from file_batch_files where batch_id in (
             select id from file_batches where vector_store_id = $1)`,
    values: [vector_store_id],
  })
  await tx.query({ text: 'delete from file_batches where vector_store_id = $1', values: [vector_store_id] })
  for (const table of ['vector_store_files', 'deleted_store_files']) {
    await tx.query({ text: `delete from ${table} where vector_store_id = $1`, values: [vector_store_id] })
  }
}

/** Cancels the files in progress of a locked store, all or those of one batch; returns their `seq`. */
export async function cancelStoreFiles(
  tx: Queryable,
  vector_store_id: string,
  batch_id?: string,
): Promise<number[]> {
  const rows = await tx.query<{ seq: number }>({
    text: `update vector_store_files f set status = 'cancelled', lease_owner = null
           where vector_store_id = $1 and status = 'in_progress'
             and ($2::text is null or exists (
               select 1 from file_batch_files b where b.batch_id = $2 and b.store_file = f.seq))
           returning seq`,
    values: [vector_store_id, batch_id ?? null],
  })
  return rows.map((row) => row.seq)
}

/** Sets the size of the files of an expired store to 0, since their chunks are deleted. */
export async function forgetTextBytes(tx: Queryable, vector_store_id: string): Promise<void> {
  await tx.query({
    text: 'update vector_store_files set text_bytes = 0 where vector_store_id = $1',
    values: [vector_store_id],
  })
}

/** The attributes of all files of a store, by `seq`. */
export async function attributesOfStore(
  db: Queryable,
  vector_store_id: string,
): Promise<Map<number, Attributes>> {
  const rows = await db.query<{ seq: number; attributes: Attributes }>({
    name: 'attributes_of_store',
    text: 'select seq, attributes from vector_store_files where vector_store_id = $1',
    values: [vector_store_id],
  })
  return new Map(rows.map((row) => [row.seq, row.attributes]))
}

/** A file of a store by its `seq`, as the indexes compare it. */
interface FileChunks {
  part: number
  stamp: number
  chunks: number
}

/**
 * The files of a store that have all their chunks. The stamp is the chunking strategy and how often the
 * file was restarted: another version or setting of the server may have made other chunks of it.
 */
export async function chunkedFiles(db: Queryable, vector_store_id: string): Promise<FileChunks[]> {
  return db.query<FileChunks>({
    name: 'chunked_files',
    text: `select seq as part, restarts * 100000000::bigint
                       + coalesce((chunking_strategy #>> '{static,max_chunk_size_tokens}')::bigint * 10000
                                + (chunking_strategy #>> '{static,chunk_overlap_tokens}')::bigint, 0) as stamp,
                  chunk_count as chunks
           from vector_store_files
           where vector_store_id = $1 and status in ('in_progress', 'completed') and chunk_count is not null`,
    values: [vector_store_id],
  })
}

/** The files of a store that have all their vectors. A file that is embedded again gets another stamp when it is claimed. */
export async function embeddedFiles(db: Queryable, vector_store_id: string): Promise<FileChunks[]> {
  return db.query<FileChunks>({
    name: 'embedded_files',
    text: `select seq as part, attempt as stamp, coalesce(chunk_count, 0) as chunks from vector_store_files
           where vector_store_id = $1 and status = 'completed'`,
    values: [vector_store_id],
  })
}

/** Whether files of the store are in progress. */
export async function hasOpenFiles(db: Queryable, key: { project: string; id: string }): Promise<boolean> {
  return hasRow(db, {
    name: 'has_open_files',
    text: `select 1 from vector_store_files
           where vector_store_id = $1 and project = $2 and status = 'in_progress' limit 1`,
    values: [key.id, key.project],
  })
}
