/** Uploads: a file that comes in parts and is there when it is completed. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { errors } from '../api/errors.ts'
import type { CompleteUploadRequest, CreateUploadRequest, Upload, UploadPart } from '../api/uploads.ts'
import { lockBlobs, releaseBlobs } from '../sql/blobs.ts'
import type { Queryable } from '../database/database.ts'
import { insertFile, toFile } from '../sql/files.ts'
import {
  findUpload,
  insertPart,
  insertUpload,
  lockExpiredUpload,
  lockUpload,
  partsOfUpload,
  removeParts,
  setUploadStatus,
  toPart,
  toUpload,
  type PartRow,
  type UploadKey,
  type UploadRow,
} from '../sql/uploads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newHexId } from '../util/ids.ts'
import type { Context } from './context.ts'
import { newFileRow } from './create-file.ts'
import { bareFileName, maxFileNameLength } from './file-name.ts'
import { holdContent, storeContent, type StoredContent } from './store-content.ts'

/** From the creation of an upload to the last moment at which it can be completed. */
const lifetimeSeconds = 3600

export async function createUpload(
  context: Context,
  project: string,
  request: CreateUploadRequest,
): Promise<Upload> {
  const { length } = request.filename
  if (length > maxFileNameLength) throw errors.stringTooLong('filename', maxFileNameLength, length)
  const filename = bareFileName(request.filename)
  if (filename === undefined) throw errors.emptyString('filename')
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
  await insertUpload(context.db, row)
  return toUpload(row)
}

/** Throws unless parts can be added and the upload be completed; asked before a body is read, too. */
export async function requirePendingUpload(context: Context, key: UploadKey): Promise<UploadRow> {
  return pending(context, key, await findUpload(context.db, key))
}

function pending(context: Context, key: UploadKey, row: UploadRow | undefined): UploadRow {
  if (!row) throw errors.notFound('upload', key.id)
  // The sweeper may not have been here yet.
  const isLate = row.status === 'pending' && row.expires_at <= nowSeconds(context.clock)
  const status = isLate ? 'expired' : row.status
  if (status !== 'pending') throw errors.uploadNotPending(key.id, status)
  return row
}

/** Which part comes where is said when the upload is completed, so any number may come at once. */
export async function addPart(context: Context, key: UploadKey, content: StoredContent): Promise<UploadPart> {
  const now = nowSeconds(context.clock)
  const { sha256, bytes } = content
  const part: PartRow = { id: newHexId('part_', now), upload_id: key.id, created_at: now, bytes, sha256 }
  await context.db.transaction(async (tx) => {
    pending(context, key, await lockUpload(tx, key, 'share'))
    await holdContent(tx, sha256)
    await insertPart(tx, part)
  })
  return toPart(part)
}

/** Joins the parts in the order asked for. Of two that complete at once, or a cancel between, one wins. */
export async function completeUpload(
  context: Context,
  key: UploadKey,
  request: CompleteUploadRequest,
): Promise<Upload> {
  const row = await requirePendingUpload(context, key)
  const parts = chosenParts(await partsOfUpload(context.db, key.id), request.part_ids)
  const total = parts.reduce((sum, part) => sum + part.bytes, 0)
  if (total !== row.bytes) throw errors.uploadBytesMismatch(total, row.bytes)
  const content = await joinParts(context, parts, request.md5)
  const file = newFileRow(context, { ...row, content })
  await context.db.transaction(async (tx) => {
    pending(context, key, await lockUpload(tx, key, 'exclusive'))
    await close(context, tx, { id: key.id, status: 'completed', keeps: content.sha256 })
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
  context: Context,
  parts: PartRow[],
  md5: string | undefined,
): Promise<StoredContent> {
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
  const source = Readable.from(bytes(), { objectMode: false })
  return storeContent(context, source, {})
}

export async function cancelUpload(context: Context, key: UploadKey): Promise<Upload> {
  return context.db.transaction(async (tx) => {
    const row = pending(context, key, await lockUpload(tx, key, 'exclusive'))
    await close(context, tx, { id: key.id, status: 'cancelled' })
    return toUpload({ ...row, status: 'cancelled' })
  })
}

/** Ends one upload whose hour is over; answers 0 when there was none. Call it again otherwise. */
export async function expireUploads(context: Context): Promise<number> {
  return context.db.transaction(async (tx) => {
    const row = await lockExpiredUpload(tx, nowSeconds(context.clock))
    if (!row) return 0
    await close(context, tx, { id: row.id, status: 'expired' })
    return 1
  })
}

/** Ends a locked upload: its parts go, and with them their hold on the blob store. */
async function close(
  context: Context,
  tx: Queryable,
  end: { id: string; status: Upload['status']; keeps?: string },
): Promise<void> {
  const { id, status, keeps } = end
  const hashes = (await partsOfUpload(tx, id)).map((part) => part.sha256)
  await lockBlobs(tx, keeps === undefined ? hashes : [...hashes, keeps])
  await removeParts(tx, id)
  await releaseBlobs(tx, hashes, nowSeconds(context.clock))
  // After the release: a file of one part has the part's own contents.
  if (keeps !== undefined) await holdContent(tx, keeps)
  await setUploadStatus(tx, id, status)
}
