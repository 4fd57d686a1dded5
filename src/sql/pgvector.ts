/** Tables of the pgvector driver: a copy of the vectors in the extension's own type. They are made when it is chosen. */
import type { Database, Queryable } from '../database/database.ts'

/** 'SpoolV' in ASCII; the lock's number among all advisory locks of the database. */
const lockKey = 0x53706f6f6c56

/** Throws what the database says when it has no such extension, or the user may not create it. */
export async function createVectorTables(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query({ text: 'select pg_advisory_xact_lock($1)', values: [lockKey] })
    await tx.query({ text: 'create extension if not exists vector' })
    await tx.query({
      text: `create table if not exists pgvector_stores (vector_store_id text primary key, version bigint not null)`,
    })
    await tx.query({
      text: `create table if not exists pgvector_parts (
               vector_store_id text not null, part text not null, stamp bigint not null,
               primary key (vector_store_id, part))`,
    })
    await tx.query({
      text: `create table if not exists pgvector_windows (
               vector_store_id text not null, part text not null, chunk_ids text[] not null,
               embedding vector not null)`,
    })
    await tx.query({
      text: `create index if not exists pgvector_windows_of_store on pgvector_windows (vector_store_id, part)`,
    })
  })
}

/** Removes copies of stores that were deleted while nobody could remove them. */
export async function forgetAbsentStores(db: Queryable): Promise<void> {
  for (const table of ['pgvector_windows', 'pgvector_parts', 'pgvector_stores']) {
    await db.query({
      text: `delete from ${table} where vector_store_id not in (select id from vector_stores)`,
    })
  }
}

/** The version that the copy has, -1 when there is none yet. */
export async function copiedVersion(db: Queryable, vector_store_id: string): Promise<number> {
  const [row] = await db.query<{ version: number }>({
    name: 'pgvector_version',
    text: 'select version from pgvector_stores where vector_store_id = $1',
    values: [vector_store_id],
  })
  return row?.version ?? -1
}

/** The same under a lock that holds off everybody else who would bring the copy up to date. */
export async function lockCopy(tx: Queryable, vector_store_id: string): Promise<number> {
  await tx.query({
    text: 'insert into pgvector_stores (vector_store_id, version) values ($1, -1) on conflict do nothing',
    values: [vector_store_id],
  })
  const [row] = await tx.query<{ version: number }>({
    text: 'select version from pgvector_stores where vector_store_id = $1 for update',
    values: [vector_store_id],
  })
  return row?.version ?? -1
}

export async function copiedParts(tx: Queryable, vector_store_id: string): Promise<Map<string, number>> {
  const rows = await tx.query<{ part: string; stamp: number }>({
    text: 'select part, stamp from pgvector_parts where vector_store_id = $1',
    values: [vector_store_id],
  })
  return new Map(rows.map((row) => [row.part, row.stamp]))
}

export async function removeParts(
  tx: Queryable,
  vector_store_id: string,
  parts: readonly string[],
): Promise<void> {
  for (const table of ['pgvector_windows', 'pgvector_parts']) {
    await tx.query({
      text: `delete from ${table} where vector_store_id = $1 and part = any($2)`,
      values: [vector_store_id, parts],
    })
  }
}

export async function insertParts(
  tx: Queryable,
  vector_store_id: string,
  parts: readonly { part: string; stamp: number }[],
): Promise<void> {
  await tx.query({
    text: `insert into pgvector_parts (vector_store_id, part, stamp)
           select $1, * from unnest($2::text[], $3::bigint[])`,
    values: [vector_store_id, parts.map(({ part }) => part), parts.map(({ stamp }) => stamp)],
  })
}

export async function insertVectors(
  tx: Queryable,
  vector_store_id: string,
  windows: readonly { part: string; chunk_ids: string[]; vector: Float32Array }[],
): Promise<void> {
  await tx.query({
    text: `insert into pgvector_windows (vector_store_id, part, chunk_ids, embedding)
           select $1, w.part, array(select json_array_elements_text(w.chunk_ids)), w.vector::vector
           from unnest($2::text[], $3::json[], $4::text[]) as w (part, chunk_ids, vector)`,
    values: [
      vector_store_id,
      windows.map(({ part }) => part),
      windows.map(({ chunk_ids }) => JSON.stringify(chunk_ids)),
      windows.map(({ vector }) => vectorText(vector)),
    ],
  })
}

export async function setCopiedVersion(
  tx: Queryable,
  vector_store_id: string,
  version: number,
): Promise<void> {
  await tx.query({
    text: 'update pgvector_stores set version = $2 where vector_store_id = $1',
    values: [vector_store_id, version],
  })
}

export async function removeCopy(tx: Queryable, vector_store_id: string): Promise<void> {
  for (const table of ['pgvector_windows', 'pgvector_parts', 'pgvector_stores']) {
    await tx.query({ text: `delete from ${table} where vector_store_id = $1`, values: [vector_store_id] })
  }
}

/** The best chunks by inner product, which is the cosine of vectors of length one. */
export async function nearestChunks(
  db: Queryable,
  vector_store_id: string,
  query: { vector: Float32Array; limit: number },
): Promise<{ chunk_id: string; score: number }[]> {
  return db.query<{ chunk_id: string; score: number }>({
    name: 'pgvector_nearest',
    text: `select chunk_id, max(score) as score
           from (select chunk_ids, -(embedding <#> $2::vector) as score
                 from pgvector_windows where vector_store_id = $1) as windows,
                unnest(chunk_ids) as chunk_id
           group by chunk_id order by max(score) desc, chunk_id collate "C" limit $3`,
    values: [vector_store_id, vectorText(query.vector), query.limit],
  })
}

function vectorText(vector: Float32Array): string {
  return `[${vector.join(',')}]`
}
