/** Opens a file for download. */
import type { Readable } from 'node:stream'
import type { FileObject } from '../api/files.ts'
import { errors } from '../api/errors.ts'
import { findFile, toFile } from '../sql/files.ts'
import type { Context } from './context.ts'

export interface OpenedFile {
  file: FileObject
  /** The image type of the content, or null when it is not an image that models read. */
  image_type: string | null
  /** All bytes, or those from `start` to `end` (inclusive). */
  read: (range?: { start: number; end: number }) => Promise<Readable>
}

/** Returns undefined when there is no such file in the project. Throws 404 when its content was not imported. */
export async function openFile(
  { db, blobs }: Context,
  { project, file_id }: { project: string; file_id: string },
): Promise<OpenedFile | undefined> {
  const row = await findFile(db, project, file_id)
  if (!row) return undefined
  const { sha256 } = row
  if (sha256 === null) throw errors.contentNotImported(row.id)
  return {
    file: toFile(row),
    image_type: row.image_type,
    async read(range) {
      const content = await blobs.get(sha256, range)
      if (!content) throw new Error(`expected the blob store to hold file ${row.id} (${sha256})`)
      return content
    },
  }
}
