/** Rows of `blobs`: the contents of the blob store, and the time since which no row refers to them. */
import type { Database, Queryable } from '../database/database.ts'
import { hasRow } from './rows.ts'

export interface BlobRow {
  sha256: string
  bytes: number
}

/** Inserts or updates the row of contents that were just stored, and locks it. No other row refers to it yet. */
export async function adoptBlob(tx: Queryable, blob: BlobRow, now: number): Promise<void> {
  await tx.query({
    name: 'adopt_blob',
    text: `insert into blobs (sha256, bytes, released_at) values ($1, $2, $3)
           on conflict (sha256) do update set released_at = excluded.released_at`,
    values: [blob.sha256, blob.bytes, now],
  })
}

/** Locks rows in a fixed order, for transactions that change more than one. */
export async function lockBlobs(tx: Queryable, hashes: readonly string[]): Promise<void> {
  await tx.query({
    text: 'select 1 from blobs where sha256 = any($1) order by sha256 for update',
    values: [hashes],
  })
}

/** Locks the row for a reference that the same transaction adds; false when the contents were collected. */
export async function holdBlob(tx: Queryable, sha256: string): Promise<boolean> {
  return hasRow(tx, {
    name: 'hold_blob',
    text: 'update blobs set released_at = null where sha256 = $1 returning sha256',
    values: [sha256],
  })
}

/**
 * Starts the waiting time of contents whose references this transaction removes. With more than one hash the rows must
 * be locked already.
 */
export async function releaseBlobs(tx: Queryable, hashes: readonly string[], now: number): Promise<void> {
  await tx.query({
    text: 'update blobs set released_at = $2 where sha256 = any($1)',
    values: [hashes, now],
  })
}

/** Locks one row that was released at `before` or earlier, unless another process has locked it. */
export async function lockReleasedBlob(tx: Queryable, before: number): Promise<string | undefined> {
  const [row] = await tx.query<BlobRow>({
    name: 'lock_released_blob',
    text: `select sha256 from blobs where released_at <= $1
           order by released_at limit 1 for update skip locked`,
    values: [before],
  })
  return row?.sha256
}

/** Whether any row refers to the contents. The row of the blob must be locked. */
export async function isBlobInUse(tx: Queryable, sha256: string): Promise<boolean> {
  return hasRow(tx, {
    text: `select 1 where exists (select 1 from files where sha256 = $1)
                       or exists (select 1 from files where text_sha256 = $1)
                       or exists (select 1 from upload_parts where sha256 = $1)`,
    values: [sha256],
  })
}

/** 'SpoolB' in ASCII. Backups and exports hold this advisory lock in shared mode; contents are only deleted while none holds it. */
const blobCollectionLock = 0x53706f6f6c42

/** Takes the lock until the transaction ends; returns false while a backup or an export is being written. */
export async function lockBlobCollection(tx: Queryable): Promise<boolean> {
  const [row] = await tx.query<{ locked: boolean }>({
    name: 'lock_blob_collection',
    text: 'select pg_try_advisory_xact_lock($1) as locked',
    values: [blobCollectionLock],
  })
  return row?.locked ?? false
}

/** Calls `work` with a snapshot of the database. No contents that it refers to are collected before the end. */
export async function withSnapshot<Result>(
  db: Database,
  work: (snapshot: Queryable) => Promise<Result>,
): Promise<Result> {
  const session = await db.dedicated()
  try {
    await session.query({ text: 'select pg_advisory_lock_shared($1)', values: [blobCollectionLock] })
    await session.query({ text: 'begin isolation level repeatable read, read only' })
    return await work(session)
  } finally {
    // Closing the connection ends the transaction and releases the lock.
    await session.close()
  }
}

export async function forgetBlob(tx: Queryable, sha256: string): Promise<void> {
  await tx.query({ text: 'delete from blobs where sha256 = $1', values: [sha256] })
}

/** Records the identity of the blob store when none is recorded; returns the recorded one. */
export async function recordBlobStore(db: Queryable, identity: string): Promise<string> {
  await db.query({
    text: 'insert into blob_store (identity) values ($1) on conflict do nothing',
    values: [identity],
  })
  const [row] = await db.query<{ identity: string }>({ text: 'select identity from blob_store' })
  if (!row) throw new Error('expected the blob store to be recorded')
  return row.identity
}
