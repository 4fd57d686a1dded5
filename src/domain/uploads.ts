/** Uploads: content arrives in parts, and the file exists when the upload is completed. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { errors } from '../api/errors.ts'
import type { CreateUploadRequest, Upload, UploadPart, CompleteUploadRequest } from '../api/uploads.ts'
import type { Queryable } from '../database/database.ts'
import { transactionOnce } from '../database/retry.ts'
import { lockBlobs, releaseBlobs } from '../sql/blobs.ts'
import { insertFile, toFile } from '../sql/files.ts'
import {
  insertUpload,
  toUpload,
  type UploadRow,
  insertPart,
  lockUpload,
  toPart,
  type PartRow,
  type UploadKey,
  partsOfUpload,
  lockExpiredUpload,
  removeParts,
  setUploadStatus,
  findUpload,
} from '../sql/uploads.ts'
import { nowSeconds } from '../util/clock.ts'
import { maxFileNameLength } from '../util/file-name.ts'
import { newHexId } from '../util/ids.ts'
import type { Context } from './context.ts'
import { newFileRow } from './files.ts'
import { holdContent, type SavedContent, saveContent } from './save-content.ts'

/** The time from the creation of an upload to its expiry. */
const lifetimeSeconds = 3600

/** Creates a pending upload, which expires in an hour. */
export async function createUpload(
  context: Pick<Context, 'db' | 'clock'>,
  project: string,
  request: CreateUploadRequest,
): Promise<Upload> {
  const { filename } = request
  if (filename.length > maxFileNameLength) {
    throw errors.stringTooLong('filename', maxFileNameLength, filename.length)
  }
  const now = nowSeconds(context.clock)
  const row: UploadRow = {
    id: newHexId('upload_', now),
    project,
    created_at: now,
    expires_at: now + lifetimeSeconds,
    status: 'pending',
    bytes: request.bytes,
    filename,
    purpose: request.purpose,
    expires_after: request.expires_after ?? null,
  }
  await transactionOnce(context.db, (tx) => insertUpload(tx, row))
  return toUpload(row)
}

/** The request that completes the upload sets the order of the parts, so several may be added at the same time. */
export async function addUploadPart(
  context: Pick<Context, 'db' | 'clock'>,
  key: UploadKey,
  content: SavedContent,
): Promise<UploadPart> {
  const now = nowSeconds(context.clock)
  const { sha256, bytes } = content
  const part: PartRow = { id: newHexId('part_', now), upload_id: key.id, created_at: now, bytes, sha256 }
  await transactionOnce(context.db, async (tx) => {
    checkPending(context, key, await lockUpload(tx, key, 'share'))
    await holdContent(tx, sha256)
    await insertPart(tx, part)
  })
  return toPart(part)
}

/** Joins the parts in the order of the request. Of several requests to complete or cancel the upload, one succeeds. */
export async function completeUpload(
  context: Pick<Context, 'blobs' | 'clock' | 'db'>,
  key: UploadKey,
  request: CompleteUploadRequest,
): Promise<Upload> {
  // The parts are read first, because a request that completes or cancels the upload at the same time deletes them.
  const stored = await partsOfUpload(context.db, key.id)
  const row = await requirePendingUpload(context, key)
  const parts = chosenParts(stored, request.part_ids)
  const total = parts.reduce((sum, part) => sum + part.bytes, 0)
  if (total !== row.bytes) throw errors.uploadBytesMismatch(total, row.bytes)
  const content = await joinParts(context, parts, request.md5)
  const file = newFileRow(context, { ...row, content })
  await transactionOnce(context.db, async (tx) => {
    checkPending(context, key, await lockUpload(tx, key, 'exclusive'))
    await closeUpload(context, tx, { id: key.id, status: 'completed', keeps: content.sha256 })
    await insertFile(tx, file)
  })
  return toUpload({ ...row, status: 'completed' }, toFile(file))
}

function chosenParts(parts: PartRow[], ids: readonly string[]): PartRow[] {
  const byId = new Map(parts.map((part) => [part.id, part]))
  const seen = new Set<string>()
  return ids.map((id) => {
    if (seen.has(id)) throw errors.duplicatePart(id)
    seen.add(id)
    const part = byId.get(id)
    if (!part) throw errors.notFound('part', id)
    return part
  })
}

async function joinParts(
  context: Pick<Context, 'blobs' | 'clock' | 'db'>,
  parts: PartRow[],
  md5: string | undefined,
): Promise<SavedContent> {
  const hash = createHash('md5')
  const bytes = async function* () {
    for (const part of parts) {
      const content = await context.blobs.get(part.sha256)
      if (!content) throw new Error(`expected the blob store to hold part ${part.id} (${part.sha256})`)
      for await (const chunk of content as AsyncIterable<Buffer>) {
        hash.update(chunk)
        yield chunk
      }
    }
    const actual = hash.digest('hex')
    if (md5 !== undefined && actual !== md5.toLowerCase()) throw errors.uploadMd5Mismatch(actual, md5)
  }
  return saveContent(context, Readable.from(bytes(), { objectMode: false }), {})
}

/** Cancels a pending upload and deletes its parts. */
export async function cancelUpload(context: Pick<Context, 'clock' | 'db'>, key: UploadKey): Promise<Upload> {
  return transactionOnce(context.db, async (tx) => {
    const row = checkPending(context, key, await lockUpload(tx, key, 'exclusive'))
    await closeUpload(context, tx, { id: key.id, status: 'cancelled' })
    return toUpload({ ...row, status: 'cancelled' })
  })
}

/** Ends one upload that has expired. Returns how many it ended; call it again while that is not 0. */
export async function expireUploads(context: Pick<Context, 'clock' | 'db'>): Promise<number> {
  return context.db.transaction(async (tx) => {
    const row = await lockExpiredUpload(tx, nowSeconds(context.clock))
    if (!row) return 0
    await closeUpload(context, tx, { id: row.id, status: 'expired' })
    return 1
  })
}

/** Ends a locked upload: deletes its parts and releases their content, except the content `keeps`. */
export async function closeUpload(
  { clock }: Pick<Context, 'clock'>,
  tx: Queryable,
  end: { id: string; status: Upload['status']; keeps?: string },
): Promise<void> {
  const { id, status, keeps } = end
  const hashes = (await partsOfUpload(tx, id)).map((part) => part.sha256)
  await lockBlobs(tx, keeps === undefined ? hashes : [...hashes, keeps])
  await removeParts(tx, id)
  await releaseBlobs(tx, hashes, nowSeconds(clock))
  // After the release, because the file of an upload with one part has the same content as the part.
  if (keeps !== undefined) await holdContent(tx, keeps)
  await setUploadStatus(tx, id, status)
}

/** Throws unless the upload is pending. It is also called before the body of a part is read. */
export async function requirePendingUpload(
  context: Pick<Context, 'db' | 'clock'>,
  key: UploadKey,
): Promise<UploadRow> {
  return checkPending(context, key, await findUpload(context.db, key))
}

/** The same check for a row that was already read. */
function checkPending(
  { clock }: Pick<Context, 'clock'>,
  key: UploadKey,
  row: UploadRow | undefined,
): UploadRow {
  if (!row) throw errors.notFound('upload', key.id)
  // The sweep may not have expired it yet.
  const hasExpired = row.status === 'pending' && row.expires_at <= nowSeconds(clock)
  const status = hasExpired ? 'expired' : row.status
  if (status !== 'pending') throw errors.uploadNotPending(key.id, status)
  return row
}
