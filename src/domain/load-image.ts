/** Loads the image of a file in the format that models read. */
import { buffer } from 'node:stream/consumers'
import { findFile } from '../sql/files.ts'
import type { Context } from './context.ts'

export type LoadedImage =
  /** A data URL, and the size of the image in bytes. */
  { url: string; bytes: number } | { missing: 'deleted' | 'not imported' | 'too large' }

export async function loadImage(
  context: Pick<Context, 'blobs' | 'db'>,
  { project, file_id, maxBytes }: { project: string; file_id: string; maxBytes: number },
): Promise<LoadedImage> {
  const file = await findFile(context.db, project, file_id)
  if (file?.sha256 === null) return { missing: 'not imported' }
  if (!file || file.image_type === null) return { missing: 'deleted' }
  if (file.bytes > maxBytes) return { missing: 'too large' }
  const content = await context.blobs.get(file.sha256)
  if (!content) throw new Error(`expected the blob store to hold file ${file.id} (${file.sha256})`)
  const base64 = (await buffer(content)).toString('base64')
  return { url: `data:${file.image_type};base64,${base64}`, bytes: file.bytes }
}
