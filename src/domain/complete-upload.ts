/** Completes an upload: its parts become one file. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { errors } from '../api/errors.ts'
import type { CompleteUploadRequest, Upload } from '../api/uploads.ts'
import { insertFile, toFile } from '../sql/files.ts'
import { lockUpload, partsOfUpload, toUpload, type PartRow, type UploadKey } from '../sql/uploads.ts'
import { closeUpload } from './close-upload.ts'
import type { Context } from './context.ts'
import { newFileRow } from './create-file.ts'
import { checkPending, requirePendingUpload } from './pending-upload.ts'
import { saveContent, type SavedContent } from './save-content.ts'

type Uploads = Pick<Context, 'blobs' | 'clock' | 'db'>

/** Joins the parts in the order of the request. Of several requests to complete or cancel the upload, one succeeds. */
export async function completeUpload(
  context: Uploads,
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

async function joinParts(context: Uploads, parts: PartRow[], md5: string | undefined): Promise<SavedContent> {
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
