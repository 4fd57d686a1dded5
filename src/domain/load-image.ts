/** An image by its file id, as a model is given it. */
import { buffer } from 'node:stream/consumers'
import { findFile } from '../sql/files.ts'
import type { Context } from './context.ts'

export type LoadedImage =
  /** A data URL, and the size of what is in it. */
  { url: string; bytes: number } | { missing: 'deleted' | 'too large' }

export async function loadImage(
  context: Context,
  wanted: { project: string; file_id: string; maxBytes: number },
): Promise<LoadedImage> {
  const file = await findFile(context.db, wanted.project, wanted.file_id)
  if (!file || file.image_type === null) return { missing: 'deleted' }
  if (file.bytes > wanted.maxBytes) return { missing: 'too large' }
  const content = await context.blobs.get(file.sha256)
  if (!content) throw new Error(`expected the blob store to hold file ${file.id} (${file.sha256})`)
  const base64 = (await buffer(content)).toString('base64')
  return { url: `data:${file.image_type};base64,${base64}`, bytes: file.bytes }
}
