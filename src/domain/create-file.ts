/** Makes a file of contents that are in the blob store. */
import type { FileExpiry, FileObject } from '../api/files.ts'
import { insertFile, toFile, type FileRow } from '../sql/files.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import type { Context } from './context.ts'
import { holdContent, type StoredContent } from './store-content.ts'

export interface NewFile {
  project: string
  content: StoredContent
  purpose: FileObject['purpose']
  filename: string
  expires_after?: FileExpiry | null | undefined
}

export async function createFile(context: Context, made: NewFile): Promise<FileObject> {
  const row = newFileRow(context, made)
  await context.db.transaction(async (tx) => {
    await holdContent(tx, row.sha256)
    await insertFile(tx, row)
  })
  return toFile(row)
}

/** For transactions that do more than make a file: they hold the content and insert the row themselves. */
export function newFileRow(context: Context, made: NewFile): FileRow {
  const { project, content, purpose, filename, expires_after } = made
  const now = nowSeconds(context.clock)
  return {
    id: newId('file'),
    project,
    created_at: now,
    expires_at: expires_after ? now + expires_after.seconds : null,
    purpose,
    filename,
    ...content,
  }
}
