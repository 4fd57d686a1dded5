/** Exports a project, or one thread with what it uses, into a new folder that `import` and other programs read. */
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Thread } from '../api/threads.ts'
import type { BlobStore } from '../blobs/port.ts'
import type { Database, Queryable } from '../database/database.ts'
import { withSnapshot } from '../sql/blobs.ts'
import { afterAll, assistantsBefore, filesBefore, type SeqPage } from '../sql/exports.ts'
import { toFile, type FileRow } from '../sql/files.ts'
import type { Page, PageQuery } from '../sql/pages.ts'
import { findThread, listThreads } from '../sql/threads.ts'
import { listStoreFiles } from '../sql/vector-store-files.ts'
import { listVectorStores } from '../sql/vector-stores.ts'
import { prepareFolder } from '../util/folder.ts'
import { conversationOf } from './conversation-items.ts'
import { exportThread, loadThread, NamedIds } from './thread-export.ts'
import { writeArray } from './write-array.ts'

export interface ExportOptions {
  folder: string
  project: string
  /** The id of the only thread to export. */
  thread?: string | undefined
  /** Threads as Conversations items, without runs, instead of `assistants-thread-export/v1`. */
  format: 'assistants' | 'conversations'
  /** ISO 8601. */
  exportedAt: string
  /** Unix seconds. */
  now: number
  onProgress?: (counts: ExportCounts) => void
}

export interface ExportCounts {
  assistants: number
  threads: number
  messages: number
  runs: number
  files: number
  vector_stores: number
  /** Files that were imported without content, and still have none. */
  missing_contents: number
  /** For `conversations`: calls of built-in tools, which conversations cannot contain. */
  calls_left_out: number
}

/** The export cannot be written. The message is for the user. */
export class ExportRefused extends Error {
  override readonly name = 'ExportRefused'
}

interface Exporting extends ExportOptions {
  db: Queryable
  blobs: BlobStore
  counts: ExportCounts
  /** The ids that the exported thread names; undefined for a whole project. */
  wanted: NamedIds | undefined
}

const pageSize = 500

/** Exports a snapshot: all objects of one moment. Throws `ExportRefused`; the folder may then have a part of them. */
export async function exportObjects(
  context: { db: Database; blobs: BlobStore },
  options: ExportOptions,
): Promise<ExportCounts> {
  await takeFolder(options.folder)
  return withSnapshot(context.db, async (db) => {
    const wanted = options.thread === undefined ? undefined : new NamedIds()
    const exporting: Exporting = { ...options, db, blobs: context.blobs, counts: noCounts(), wanted }
    await exportThreads(exporting)
    if (options.format === 'assistants') {
      const write = (name: string, values: AsyncIterable<object>) =>
        writeArray(join(options.folder, name), values)
      // In this order: assistants name vector stores and files, and vector stores name files.
      await write('assistants.json', assistantsOf(exporting))
      await write('vector_stores.json', storesOf(exporting))
      for (const name of ['files', 'texts']) await mkdir(join(options.folder, name))
      await write('files.json', filesOf(exporting))
    }
    await writeJson(exporting, 'manifest.json', {
      export_schema: 'assistants-export-manifest/v1',
      exported_at: options.exportedAt,
      project: options.project,
      counts: exporting.counts,
    })
    return exporting.counts
  })
}

async function takeFolder(folder: string): Promise<void> {
  await prepareFolder(folder, 'The folder')
  if ((await readdir(folder)).length > 0) throw new ExportRefused(`The folder ${folder} is not empty.`)
}

function noCounts(): ExportCounts {
  return {
    assistants: 0,
    threads: 0,
    messages: 0,
    runs: 0,
    files: 0,
    vector_stores: 0,
    missing_contents: 0,
    calls_left_out: 0,
  }
}

async function exportThreads(exporting: Exporting): Promise<void> {
  const { format, counts, folder } = exporting
  const target = format === 'conversations' ? 'conversations' : 'threads'
  await mkdir(join(folder, target))
  for await (const thread of threadsOf(exporting)) {
    const loaded = await loadThread(exporting.db, thread)
    const name = `${target}/${encodeURIComponent(thread.id)}.json`
    if (format === 'conversations') {
      const { conversation, left_out } = conversationOf(loaded)
      counts.calls_left_out += left_out
      await writeJson(exporting, name, conversation)
    } else {
      const written = await exportThread(exporting.db, loaded, {
        ...exporting,
        position: counts.threads,
      })
      exporting.wanted?.add(written)
      await writeJson(exporting, name, written)
    }
    counts.threads += 1
    counts.messages += loaded.messages.length
    counts.runs += loaded.runs.length
    exporting.onProgress?.(counts)
  }
}

async function* threadsOf({ db, project, thread: id }: Exporting): AsyncGenerator<Thread> {
  if (id !== undefined) {
    const thread = await findThread(db, project, id)
    if (!thread) throw new ExportRefused(`There is no thread ${id} in the project '${project}'.`)
    yield thread
    return
  }
  yield* allOf('asc', (query) => listThreads(db, project, query))
}

/** All objects of a list of the API, read page by page. */
async function* allOf<Item extends { id: string }>(
  order: PageQuery['order'],
  read: (query: PageQuery) => Promise<Page<Item>>,
): AsyncGenerator<Item> {
  for (let after: string | undefined; ;) {
    const page = await read({ limit: pageSize, order, ...(after !== undefined && { after }) })
    yield* page.data
    after = page.data.at(-1)?.id
    if (!page.has_more || after === undefined) return
  }
}

/** All rows, newest first, read page by page. */
async function* allRows<Row extends { seq: number }>(
  read: (page: SeqPage) => Promise<Row[]>,
): AsyncGenerator<Row> {
  for (let seq = afterAll; ;) {
    const page = await read({ seq, limit: pageSize })
    yield* page
    seq = page.at(-1)?.seq ?? seq
    if (page.length < pageSize) return
  }
}

/** Newest first, as the lists of the API; so are the functions below. */
async function* assistantsOf({ db, project, wanted, counts }: Exporting): AsyncGenerator<object> {
  for await (const { seq: _, ...assistant } of allRows((page) => assistantsBefore(db, project, page))) {
    if (wanted && !wanted.has(assistant.id)) continue
    // An assistant of the thread names files and stores as well.
    wanted?.add(assistant)
    yield assistant
    counts.assistants += 1
  }
}

async function* storesOf({ db, project, wanted, counts, now }: Exporting): AsyncGenerator<object> {
  for await (const store of allOf('desc', (query) => listVectorStores(db, project, { query, now }))) {
    if (wanted && !wanted.has(store.id)) continue
    const where = { project, vector_store_id: store.id }
    const files: object[] = []
    for await (const file of allOf('desc', (query) => listStoreFiles(db, where, query))) files.push(file)
    wanted?.add(files)
    yield { ...store, files }
    counts.vector_stores += 1
  }
}

async function* filesOf(exporting: Exporting): AsyncGenerator<object> {
  const { db, project, wanted, counts } = exporting
  for await (const row of allRows((page) => filesBefore(db, project, page))) {
    if (wanted && !wanted.has(row.id)) continue
    yield toFile(row)
    await exportContent(exporting, row)
    counts.files += 1
    exporting.onProgress?.(counts)
  }
}

/** Exports the content of a file; without content, the text that was imported for it. */
async function exportContent(
  { blobs, folder, counts }: Exporting,
  { id, sha256, text_sha256 }: FileRow,
): Promise<void> {
  const content = sha256 === null ? undefined : await blobs.get(sha256)
  if (!content) counts.missing_contents += 1
  const text = text_sha256 === null ? undefined : await blobs.get(text_sha256)
  const name = encodeURIComponent(id)
  if (content) await pipeline(content, createWriteStream(join(folder, 'files', name)))
  if (text) await pipeline(text, createWriteStream(join(folder, 'texts', `${name}.txt`)))
}

async function writeJson({ folder }: Exporting, name: string, value: object): Promise<void> {
  await writeFile(join(folder, name), `${JSON.stringify(value, null, 1)}\n`)
}
