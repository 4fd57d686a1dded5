/** Rows of `vector_stores`. File counts are computed from the files by each query. */
import type { FileCounts, VectorStore } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { segmentChunks } from './index-segments.ts'
import { findRow, insertRow } from './rows.ts'
import { listRows, mapPage, type Page, type PageQuery } from './pages.ts'

export interface VectorStoreRow extends Pick<
  VectorStore,
  'id' | 'created_at' | 'name' | 'description' | 'expires_at' | 'last_active_at' | 'metadata'
> {
  project: string
  expires_after: VectorStore['expires_after']
  embedder: string
  version: number
  is_expired: boolean
}

interface CountedStoreRow extends VectorStoreRow {
  counts: FileCounts & { usage_bytes: number }
}

export interface StoreKey {
  project: string
  id: string
}

const columns = `id, project, created_at, name, description, expires_after, expires_at, last_active_at, metadata,
  embedder, version, is_expired`

/** `file_counts` of the wire object, as arguments of json_build_object over files with the alias `f`. */
export const fileCountColumns = `
  'in_progress', count(*) filter (where f.status = 'in_progress'),
  'completed', count(*) filter (where f.status = 'completed'),
  'failed', count(*) filter (where f.status = 'failed'),
  'cancelled', count(*) filter (where f.status = 'cancelled'),
  'total', count(*)`

const countedColumns = `${columns}, (
  select json_build_object(${fileCountColumns},
           'usage_bytes', coalesce(sum(f.text_bytes) filter (where f.status = 'completed'), 0))
  from vector_store_files f where f.vector_store_id = vector_stores.id) as counts`

/** Some SDKs read the sum as a 32-bit integer and fail on more. */
const maxUsageBytes = 2_147_483_647

/** A store has expired as soon as its time is reached, also before the sweep has deleted its chunks. */
export function isExpired(row: VectorStoreRow, now: number): boolean {
  return row.is_expired || (row.expires_at !== null && row.expires_at <= now)
}

export function expiryOf(
  expires_after: VectorStore['expires_after'],
  last_active_at: number,
): VectorStore['expires_at'] {
  return expires_after && last_active_at + expires_after.days * 86_400
}

function toVectorStore(row: CountedStoreRow, now: number): VectorStore {
  const { usage_bytes, ...file_counts } = row.counts
  const working = file_counts.in_progress > 0 ? 'in_progress' : 'completed'
  return {
    id: row.id,
    object: 'vector_store',
    created_at: row.created_at,
    name: row.name,
    description: row.description,
    usage_bytes: Math.min(usage_bytes, maxUsageBytes),
    file_counts,
    status: isExpired(row, now) ? 'expired' : working,
    expires_after: row.expires_after,
    expires_at: row.expires_at,
    last_active_at: row.last_active_at,
    metadata: row.metadata,
  }
}

export async function insertVectorStore(tx: Queryable, row: VectorStoreRow): Promise<void> {
  await insertRow(tx, 'vector_stores', columns, row)
}

/** The wire object. `now` comes from the server's clock. */
export async function findVectorStore(
  db: Queryable,
  key: StoreKey,
  now: number,
): Promise<VectorStore | undefined> {
  const [row] = await db.query<CountedStoreRow>({
    name: 'find_vector_store',
    text: `select ${countedColumns} from vector_stores where id = $1 and project = $2`,
    values: [key.id, key.project],
  })
  return row && toVectorStore(row, now)
}

export async function findStoreRows(
  db: Queryable,
  project: string,
  ids: readonly string[],
): Promise<VectorStoreRow[]> {
  return db.query<VectorStoreRow>({
    name: 'find_store_rows',
    text: `select ${columns} from vector_stores where id = any($2) and project = $1`,
    values: [project, ids],
  })
}

/** Locks the row until the transaction ends. Always lock it before the rows of its files. */
export async function lockVectorStore(tx: Queryable, key: StoreKey): Promise<VectorStoreRow | undefined> {
  return findRow<VectorStoreRow>(tx, {
    name: 'lock_vector_store',
    text: `select ${columns} from vector_stores where id = $1 and project = $2 for update`,
    values: [key.id, key.project],
  })
}

/** Locks the stores with a file, in the order of their ids, as every transaction does. */
export async function lockStoresWithFile(tx: Queryable, file_id: string): Promise<VectorStoreRow[]> {
  return tx.query<VectorStoreRow>({
    text: `select ${columns} from vector_stores
           where id in (select vector_store_id from vector_store_files where file_id = $1)
           order by id for update`,
    values: [file_id],
  })
}

/** Locks one expired store that still has chunks, unless another process has locked it. */
export async function lockExpiredStore(tx: Queryable, now: number): Promise<VectorStoreRow | undefined> {
  return findRow<VectorStoreRow>(tx, {
    name: 'lock_expired_store',
    text: `select ${columns} from vector_stores where expires_at <= $1 and not is_expired
           order by expires_at limit 1 for update skip locked`,
    values: [now],
  })
}

export async function listVectorStores(
  db: Queryable,
  project: string,
  { query: page, now }: { query: PageQuery; now: number },
): Promise<Page<VectorStore>> {
  const rows = await listRows<CountedStoreRow>(db, {
    table: 'vector_stores',
    columns: countedColumns,
    where: { project },
    page,
    searched: { column: 'name' },
  })
  return mapPage(rows, (row) => toVectorStore(row, now))
}

/** Writes the fields that a client may change and those that depend on them. The row must be locked. */
export async function updateVectorStore(tx: Queryable, row: VectorStoreRow): Promise<void> {
  await tx.query({
    text: `update vector_stores set name = $2, description = $3, expires_after = $4, expires_at = $5,
             last_active_at = $6, metadata = $7, embedder = $8, is_expired = $9
           where id = $1`,
    values: [
      row.id,
      row.name,
      row.description,
      row.expires_after && JSON.stringify(row.expires_after),
      row.expires_at,
      row.last_active_at,
      JSON.stringify(row.metadata),
      row.embedder,
      row.is_expired,
    ],
  })
}

/** Records a use of the stores. It never revives an expired store and never moves `last_active_at` back. */
export async function touchVectorStores(db: Queryable, ids: readonly string[], now: number): Promise<void> {
  await db.query({
    name: 'touch_vector_stores',
    text: `update vector_stores
           set last_active_at = $2, expires_at = $2 + (expires_after ->> 'days')::bigint * 86400
           where id in (select id from vector_stores where id = any($1) order by id for update)
             and last_active_at < $2 and not is_expired and (expires_at is null or expires_at > $2)`,
    values: [ids, now],
  })
}

/**
 * Locks the row. Every transaction that changes what a search finds must call it. It counts `added` chunks:
 * after enough of them for a segment, workers make one.
 */
export async function raiseVersion(tx: Queryable, id: string, added = 0): Promise<void> {
  await tx.query({
    name: 'raise_store_version',
    text: `update vector_stores
           set version = version + 1, new_chunks = (new_chunks + $2) % $3,
               needs_segments = needs_segments or new_chunks + $2 >= $3
           where id = $1`,
    values: [id, added, segmentChunks],
  })
}

/** Undefined when the store does not exist any more. */
export async function storeVersion(db: Queryable, id: string): Promise<number | undefined> {
  const [row] = await db.query<{ version: number }>({
    name: 'store_version',
    text: 'select version from vector_stores where id = $1',
    values: [id],
  })
  return row?.version
}

/** Deletes the row of the store. The caller must have deleted its files, batches and chunks. */
export async function removeVectorStore(tx: Queryable, id: string): Promise<void> {
  await tx.query({ text: 'delete from vector_stores where id = $1', values: [id] })
}

/** The embedders of stores that may still be searched and have files. */
export async function embeddersInUse(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ embedder: string }>({
    text: `select distinct embedder from vector_stores s
           where not is_expired and exists (
             select 1 from vector_store_files f
             where f.vector_store_id = s.id and f.status in ('in_progress', 'completed'))`,
  })
  return rows.map(({ embedder }) => embedder)
}
