/** Reads the text of files with pages and headings, to show what search works with. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileText, TextSection } from '../api/file-text.ts'
import { ParseFailure, readDocument, readSections } from '../documents/index.ts'
import { documentLimits, fetchContent, joinedChunks } from '../search/file-text.ts'
import type { ChunkRow } from '../sql/chunks.ts'
import { findFile, type FileRow } from '../sql/files.ts'
import { findStoreFile } from '../sql/vector-store-files.ts'
import { makeTemporaryFolder } from '../util/folder.ts'
import type { Context } from './context.ts'

/** The most UTF-16 units in one answer. */
const maxAnswerCharacters = 2_000_000

/** The text of a file in a vector store as ingest read it; undefined when the file is not in the store. */
export async function readStoreFileText(
  { db }: Pick<Context, 'db'>,
  key: { project: string; vector_store_id: string; file_id: string },
): Promise<FileText | undefined> {
  const file = await findStoreFile(db, key)
  if (!file) return undefined
  const place = { vector_store_id: key.vector_store_id, store_file: file.seq }
  const sections = new Sections()
  for await (const chunk of joinedChunks(db, place)) {
    sections.add({ ...placeOf(chunk), text: chunk.text })
    if (sections.isFull) break
  }
  return sections.answer(key.file_id, file.last_error?.message ?? null)
}

/** The text of any file, which is read for this call; undefined when there is no such file. */
export async function readFileText(
  context: Pick<Context, 'db' | 'retrieval'>,
  { project, file_id }: { project: string; file_id: string },
  signal: AbortSignal,
): Promise<FileText | undefined> {
  const file = await findFile(context.db, project, file_id)
  if (!file) return undefined
  const folder = await makeTemporaryFolder('spool-text-')
  try {
    return await extracted(context, file, { folder, signal })
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error
    return new Sections().answer(file_id, error.message)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function extracted(
  { retrieval }: Pick<Context, 'retrieval'>,
  file: FileRow,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<FileText> {
  const [input, output] = [join(folder, 'file'), join(folder, 'sections')]
  const format = await fetchContent(retrieval, file, { path: input, signal })
  const job = { kind: 'extract' as const, input, output, format, ...documentLimits }
  await readDocument(retrieval.parsers, job, signal)
  const sections = new Sections()
  for await (const section of readSections(output)) {
    sections.add(section)
    if (sections.isFull) break
  }
  return sections.answer(file.id, null)
}

function placeOf({ page, slide, heading }: ChunkRow): Omit<TextSection, 'text'> {
  return {
    ...(page !== null && { page }),
    ...(slide !== null && { slide }),
    ...(heading !== null && { heading }),
  }
}

/** Collects sections up to the limit. Neighbours with the same page, slide and heading become one section. */
class Sections {
  readonly #all: TextSection[] = []
  #characters = 0
  isFull = false

  add({ text, ...place }: TextSection): void {
    const left = maxAnswerCharacters - this.#characters
    if (text.length > left) this.isFull = true
    const shown = text.slice(0, left)
    this.#characters += shown.length
    const last = this.#all.at(-1)
    if (last && last.page === place.page && last.slide === place.slide && last.heading === place.heading) {
      last.text += shown
    } else if (shown !== '') this.#all.push({ ...place, text: shown })
  }

  answer(file_id: string, problem: string | null): FileText {
    return { object: 'file.text', file_id, sections: this.#all, is_cut: this.isFull, problem }
  }
}
