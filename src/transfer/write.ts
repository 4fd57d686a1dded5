/** Writes rows in batches. Each batch is one statement, so a stopped import has written complete batches only. */
import { DatabaseUnavailable, type Database } from '../database/database.ts'
import {
  importRows,
  importStoreFiles,
  keysOfStoreFiles,
  projectsOf,
  threadsOfRuns,
  type ImportTable,
} from '../sql/imports.ts'
import { missingContentError } from './contents.ts'
import type { Kind, Order } from './records.ts'
import { storableText } from '../util/storable-text.ts'
import type { ReportBuilder } from './report.ts'
import type { Row } from './rows.ts'
import { messageOf } from '../util/describe-error.ts'

const tables: Record<Exclude<Kind, 'vector_store_file'>, ImportTable> = {
  assistant: 'assistants',
  file: 'files',
  vector_store: 'vector_stores',
  thread: 'threads',
  run: 'runs',
  message: 'messages',
  step: 'run_steps',
}

const batchRows = 2000
const batchCharacters = 8_000_000

/** Escapes of U+0000 and unpaired surrogates in JSON. */
const unstorable = /\\u(?:0000|d[89a-f])/

interface Packed {
  id: string
  thread_id: string
  run_id: string
  /** The row as JSON, without the project. */
  json: string
}

interface Batch {
  kind: Kind
  order: Order
  rows: Packed[]
  characters: number
}

export interface WriterOptions {
  db: Database
  project: string
  /** The id of this server's embedder, for new vector stores. */
  embedder: string
  dryRun: boolean
  report: ReportBuilder
}

export class Writer {
  readonly #options: WriterOptions
  readonly #batches = new Map<string, Batch>()
  /** Threads of other projects. */
  readonly #foreign = new Set<string>()
  /** `table id` of each row that a dry run would have written. */
  readonly #seen = new Set<string>()
  #writing: Promise<void> = Promise.resolve()

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Messages, runs and steps of these threads are skipped. */
  refuseThreads(ids: Iterable<string>): void {
    for (const id of ids) this.#foreign.add(id)
  }

  /** Returns a promise when a batch is full: wait for it before the next row. */
  add(kind: Kind, row: Row, order: Order): Promise<void> | undefined {
    const key = `${kind} ${order}`
    const batch = this.#batches.get(key) ?? { kind, order, rows: [], characters: 0 }
    this.#batches.set(key, batch)
    const json = this.#pack(kind, row)
    const text = (name: string) => (typeof row[name] === 'string' ? row[name] : '')
    const { id } = row
    batch.rows.push({ id, json, thread_id: text('thread_id'), run_id: text('run_id') })
    batch.characters += json.length
    if (batch.rows.length < batchRows && batch.characters < batchCharacters) return undefined
    this.#batches.delete(key)
    return this.#start(batch)
  }

  /** Writes all remaining rows. */
  async flush(): Promise<void> {
    for (const [key, batch] of this.#batches) {
      this.#batches.delete(key)
      await this.#start(batch)
    }
    await this.#writing
  }

  /** Waits for the batch that is being written, also when it fails. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined)
  }

  #pack(kind: Kind, row: Row): string {
    const { embedder, report } = this.#options
    const json = JSON.stringify({
      ...row,
      ...(kind === 'vector_store' && { embedder }),
      ...(kind === 'run' && { has_log: false }),
    })
    if (!unstorable.test(json)) return json
    report.drop(`${kind}: text with a character that cannot be stored`)
    return JSON.stringify(JSON.parse(json), (_key, value: unknown) =>
      typeof value === 'string' ? storableText(value) : value,
    )
  }

  /** One batch is written while the next one is read. */
  async #start(batch: Batch): Promise<void> {
    await this.#writing
    this.#writing = this.#write(batch)
    // The next call throws the failure. Without this handler, Node would report an unhandled rejection before.
    this.#writing.catch(() => undefined)
  }

  async #write(batch: Batch): Promise<void> {
    const { kind, order } = batch
    const rows = await this.#allowed(batch)
    if (rows.length === 0) return
    if (kind === 'vector_store_file')
      return this.#writeStoreFiles(order === 'desc' ? rows.toReversed() : rows)
    const table = tables[kind]
    if (this.#options.dryRun) return this.#pretend(kind, table, rows)
    return this.#insert(kind, rows, order === 'desc')
  }

  /** Leaves out rows of threads of other projects, and steps whose run is missing. */
  async #allowed({ kind, rows }: Batch): Promise<Packed[]> {
    const { db, project, report, dryRun } = this.#options
    const own = rows.filter(({ id, thread_id }) => {
      if (!this.#foreign.has(thread_id)) return true
      report.skip(kind, 'its thread exists in another project', id)
      return false
    })
    if (kind !== 'step') return own
    const runs = await threadsOfRuns(db, project, [...new Set(own.map(({ run_id }) => run_id))])
    return own.filter(({ id, run_id, thread_id }) => {
      if (runs.get(run_id) === thread_id || (dryRun && this.#seen.has(`runs ${run_id}`))) return true
      report.skip(kind, 'its run is not there', id)
      return false
    })
  }

  async #insert(
    kind: Exclude<Kind, 'vector_store_file'>,
    rows: readonly Packed[],
    newestFirst: boolean,
  ): Promise<void> {
    const { db, project } = this.#options
    const insert = { project, rows: `[${rows.map(({ json }) => json).join(',')}]`, newestFirst }
    let inserted: Set<string>
    try {
      inserted = await importRows(db, tables[kind], insert)
    } catch (error) {
      return this.#halve(kind, rows, { newestFirst, error })
    }
    await this.#count(kind, rows, inserted)
  }

  /** The database does not name the row that it refuses, so the batch is halved until this row is alone. */
  async #halve(
    kind: Exclude<Kind, 'vector_store_file'>,
    rows: readonly Packed[],
    { newestFirst, error }: { newestFirst: boolean; error: unknown },
  ): Promise<void> {
    if (error instanceof DatabaseUnavailable) throw error
    const [first] = rows
    if (rows.length === 1 && first) {
      const reason = messageOf(error)
      this.#options.report.skip(kind, `the database refused it: ${reason}`, first.id)
      return
    }
    const middle = Math.ceil(rows.length / 2)
    await this.#insert(kind, rows.slice(0, middle), newestFirst)
    await this.#insert(kind, rows.slice(middle), newestFirst)
  }

  async #count(
    kind: Exclude<Kind, 'vector_store_file'>,
    rows: readonly Packed[],
    inserted: Set<string>,
  ): Promise<void> {
    const { db, project, report } = this.#options
    report.count(kind, 'imported', inserted.size)
    if (inserted.size === rows.length) return
    // A second row of the batch with the same id counts as already there.
    const others = rows.filter(({ id }) => !inserted.delete(id))
    const projects = await projectsOf(db, tables[kind], [...new Set(others.map(({ id }) => id))])
    for (const { id } of others) {
      if (projects.get(id) === project) report.count(kind, 'already_there')
      else report.skip(kind, 'its id exists in another project', id)
    }
  }

  async #pretend(
    kind: Exclude<Kind, 'vector_store_file'>,
    table: ImportTable,
    rows: readonly Packed[],
  ): Promise<void> {
    const { db, project, report } = this.#options
    const projects = await projectsOf(
      db,
      table,
      rows.map(({ id }) => id),
    )
    for (const { id } of rows) {
      const owner = this.#seen.has(`${table} ${id}`) ? project : projects.get(id)
      this.#seen.add(`${table} ${id}`)
      if (owner === undefined) report.count(kind, 'imported')
      else if (owner === project) report.count(kind, 'already_there')
      else report.skip(kind, 'its id exists in another project', id)
    }
  }

  async #writeStoreFiles(rows: readonly Packed[]): Promise<void> {
    const { db, project, dryRun, report } = this.#options
    const entries = rows.map(({ id, json }) => {
      const { vector_store_id } = JSON.parse(json) as { vector_store_id: string }
      return { file_id: id, key: `${vector_store_id} ${id}`, vector_store_id }
    })
    const written = dryRun
      ? await this.#pretendStoreFiles(entries)
      : await importStoreFiles(db, {
          project,
          rows: `[${rows.map(({ json }) => json).join(',')}]`,
          reason: missingContentError,
        })
    const added = written.filter((row) => row.is_new).length
    const present = new Set(written.map((row) => `${row.vector_store_id} ${row.file_id}`))
    const there = entries.filter(({ key }) => present.has(key))
    report.count('vector_store_file', 'imported', added)
    report.count('vector_store_file', 'already_there', there.length - added)
    for (const { file_id } of entries.filter(({ key }) => !present.has(key))) {
      report.skip('vector_store_file', 'its file or its vector store does not exist', file_id)
    }
  }

  /** The answer that importStoreFiles would give, for a dry run. */
  async #pretendStoreFiles(
    entries: readonly { file_id: string; key: string; vector_store_id: string }[],
  ): Promise<Awaited<ReturnType<typeof importStoreFiles>>> {
    const { db, project } = this.#options
    const files = await projectsOf(db, 'files', [...new Set(entries.map(({ file_id }) => file_id))])
    const storeIds = [...new Set(entries.map(({ vector_store_id }) => vector_store_id))]
    const stores = await projectsOf(db, 'vector_stores', storeIds)
    for (const key of await keysOfStoreFiles(db, project, entries))
      this.#seen.add(`vector_store_files ${key}`)
    const exists = (table: ImportTable, id: string, owner: string | undefined) =>
      (owner ?? (this.#seen.has(`${table} ${id}`) ? project : undefined)) === project
    return entries
      .filter(({ file_id, vector_store_id: store }) => {
        return (
          exists('files', file_id, files.get(file_id)) && exists('vector_stores', store, stores.get(store))
        )
      })
      .map(({ file_id, key, vector_store_id }) => {
        const is_new = !this.#seen.has(`vector_store_files ${key}`)
        this.#seen.add(`vector_store_files ${key}`)
        return { file_id, vector_store_id, is_new }
      })
  }
}
