/** Creates a file from content that is in the blob store. */
import type { FileExpiry, FileObject } from '../api/files.ts'
import { insertFile, toFile, type FileRow } from '../sql/files.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import type { Context } from './context.ts'
import { holdContent, type SavedContent } from './save-content.ts'

export interface NewFile {
  project: string
  content: SavedContent
  purpose: FileObject['purpose']
  filename: string
  expires_after?: FileExpiry | null | undefined
}

export async function createFile(context: Pick<Context, 'clock' | 'db'>, file: NewFile): Promise<FileObject> {
  const row = newFileRow(context, file)
  await context.db.transaction(async (tx) => {
    await holdContent(tx, file.content.sha256)
    await insertFile(tx, row)
  })
  return toFile(row)
}

/** For transactions that do more than create a file: they lock the content and insert the row themselves. */
export function newFileRow({ clock }: Pick<Context, 'clock'>, file: NewFile): FileRow {
  const { project, content, purpose, filename, expires_after } = file
  const now = nowSeconds(clock)
  return {
    id: newId('file'),
    project,
    created_at: now,
    expires_at: expires_after ? now + expires_after.seconds : null,
    purpose,
    filename,
    ...content,
    text_sha256: null,
  }
}
