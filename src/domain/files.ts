/** Files: their creation and deletion, and their content for downloads, tools and models. */
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { errors } from '../api/errors.ts'
import type { FileExpiry, FileObject } from '../api/files.ts'
import type { ToolResources } from '../api/tool-resources.ts'
import type { Queryable } from '../database/database.ts'
import { transactionOnce } from '../database/retry.ts'
import type { Hint } from '../runs/hints.ts'
import { lockAssistantsWithFile, updateAssistant } from '../sql/assistants.ts'
import { releaseBlobs } from '../sql/blobs.ts'
import {
  insertFile,
  toFile,
  type FileRow,
  findFile,
  lockExpiredFile,
  lockFile,
  removeFile,
  fileNames,
} from '../sql/files.ts'
import { lockThreadsWithFile, updateThread } from '../sql/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import type { Context } from './context.ts'
import { detachEverywhere } from './vector-store-files.ts'
import { holdContent, type SavedContent, saveContent } from './save-content.ts'

interface NewFile {
  project: string
  content: SavedContent
  purpose: FileObject['purpose']
  filename: string
  expires_after?: FileExpiry | null | undefined
}

/** Creates a file from content that is in the blob store. */
export async function createFile(context: Pick<Context, 'clock' | 'db'>, file: NewFile): Promise<FileObject> {
  const row = newFileRow(context, file)
  await transactionOnce(context.db, async (tx) => {
    await holdContent(tx, file.content.sha256)
    await insertFile(tx, row)
  })
  return toFile(row)
}

/** The row of a new file, for transactions that do more: they lock the content and insert the row themselves. */
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

export interface OpenedFile {
  file: FileObject
  /** The image type of the content, or null when it is not an image that models read. */
  image_type: string | null
  /** All bytes, or those from `start` to `end` (inclusive). */
  read: (range?: { start: number; end: number }) => Promise<Readable>
}

/**
 * Opens a file for download. Returns undefined when there is no such file in the project. Throws 404 when its content was
 * not imported.
 */
export async function openFile(
  { db, blobs }: Pick<Context, 'db' | 'blobs'>,
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

type DeletionContext = Pick<Context, 'clock' | 'db' | 'hints'>

/** Deletes a file and removes it from the objects that use it. Messages and runs keep its id. */
export async function deleteFile(context: DeletionContext, project: string, id: string): Promise<void> {
  const changed = await transactionOnce(context.db, async (tx) => {
    const file = await lockFile(tx, project, id)
    if (!file) throw errors.fileNotFound(id)
    return removeEverywhere(context, tx, file)
  })
  for (const hint of changed) context.hints.send(hint)
}

/** Returns how many files it deleted; call it again while that is not 0. */
export async function expireFiles(context: DeletionContext): Promise<number> {
  const changed = await context.db.transaction(async (tx) => {
    const file = await lockExpiredFile(tx, nowSeconds(context.clock))
    return file && removeEverywhere(context, tx, file)
  })
  for (const hint of changed ?? []) context.hints.send(hint)
  return changed ? 1 : 0
}

/**
 * Returns the hints to send after the commit. Every transaction takes its locks in this order: files, assistants,
 * threads, vector stores, blobs.
 */
async function removeEverywhere(
  { clock, hints }: DeletionContext,
  tx: Queryable,
  file: FileRow,
): Promise<Hint[]> {
  const changed = await removeFromInterpreters(tx, file)
  for (const hint of changed) await hints.announce(tx, hint)
  await detachEverywhere(tx, file)
  await removeFile(tx, file.id)
  const held = file.sha256 ?? file.text_sha256
  if (held !== null) await releaseBlobs(tx, [held], nowSeconds(clock))
  return changed
}

/** Returns the hints about changed assistants. */
async function removeFromInterpreters(tx: Queryable, { project, id }: FileRow): Promise<Hint[]> {
  const assistants = await lockAssistantsWithFile(tx, project, id)
  for (const assistant of assistants) {
    const { id: assistant_id, object: _, created_at: __, ...body } = assistant
    await updateAssistant(tx, assistant_id, { ...body, tool_resources: without(body.tool_resources, id) })
  }
  for (const thread of await lockThreadsWithFile(tx, project, id)) {
    await updateThread(tx, { ...thread, tool_resources: without(thread.tool_resources, id) })
  }
  return assistants.map((assistant) => ({ kind: 'assistant', assistant_id: assistant.id }))
}

function without(resources: ToolResources, file_id: string): ToolResources {
  const file_ids = resources.code_interpreter?.file_ids ?? []
  return { ...resources, code_interpreter: { file_ids: file_ids.filter((id) => id !== file_id) } }
}

/** The files of a project as the tools of a run read and write them. */
export function toolFiles(context: Pick<Context, 'blobs' | 'clock' | 'db'>) {
  return {
    names: (project: string, ids: readonly string[]) => fileNames(context.db, project, ids),

    async open(project: string, id: string): Promise<Readable | undefined> {
      const file = await findFile(context.db, project, id)
      return file?.sha256 ? context.blobs.get(file.sha256) : undefined
    },

    async create(project: string, file: { filename: string; content: Readable }): Promise<string> {
      const content = await saveContent(context, file.content, {})
      const { filename } = file
      return (await createFile(context, { project, content, purpose: 'assistants_output', filename })).id
    },
  }
}

export type LoadedImage =
  /** A data URL, and the size of the image in bytes. */
  { url: string; bytes: number } | { missing: 'deleted' | 'not imported' | 'too large' }

/** Loads the image of a file in the format that models read. */
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
