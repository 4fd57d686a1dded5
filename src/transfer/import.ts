/**
 * Imports the objects in a folder, a zip or a file. It can be stopped at any time and run again: nothing is imported
 * twice.
 */
import type { ImportReport } from '../api/import-report.ts'
import type { Context } from '../domain/context.ts'
import { filesOfSizes, importRows, projectsOf, type MissingContent } from '../sql/imports.ts'
import { nowSeconds } from '../util/clock.ts'
import { ContentIndex, countContent, fillContents } from './contents.ts'
import { readRecords, type LocatedRecords, type ReadingOptions } from './read-records.ts'
import type { Kind, Order, TransferRecord } from './records.ts'
import { orderThreads } from './reorder.ts'
import { ReportBuilder } from './report.ts'
import { isThreadId, rowOf, type Row } from './rows.ts'
import { listFiles, openSources, type SourceFile } from './sources.ts'
import { survey, type SourceSurvey, type Survey } from './survey.ts'
import { Writer } from './write.ts'

export interface ImportContext extends Pick<Context, 'blobs' | 'clock' | 'db'> {
  /** The id of this server's embedder. */
  embedder: string
}

export interface ImportOptions extends ReadingOptions {
  /** A folder, a zip or a file. */
  path: string
  project: string
  /** Whether to only report what would be imported, and write nothing. */
  dryRun: boolean
  /** A folder with the contents of files, found by id or by name and size. */
  files?: string | undefined
  /** The maximum size of an unpacked zip. */
  maxUnpackedBytes: number
  onProgress?: (progress: ImportProgress) => void
}

export interface ImportProgress {
  phase: 'reading' | 'writing' | 'ordering'
  /** Objects so far in this phase; threads in the phase of ordering. */
  done: number
  /** Objects of the whole phase; absent while not known. */
  total?: number
}

/** The state that all steps of an import share. */
interface Importing extends ImportOptions {
  context: ImportContext
  report: ReportBuilder
  writer: Writer
  found: Survey
  done: number
  /** The files that a dry run found, by id. */
  filesFound: Map<string, MissingContent>
}

/** Objects that others refer to are imported first. */
const firstKinds: ReadonlySet<Kind> = new Set(['assistant', 'file', 'vector_store', 'thread', 'run'])
const lastKinds: ReadonlySet<Kind> = new Set(['message', 'step', 'vector_store_file'])
const threadPage = 2000
const progressEvery = 2000

const innerZip = 'it is a zip inside the import, which is not opened: import it by itself, or unpack it'

/** Throws `SourceRefused` when the path cannot be read, and the signal's reason. */
export async function importObjects(context: ImportContext, options: ImportOptions): Promise<ImportReport> {
  const { path, project, dryRun, maxUnpackedBytes } = options
  const sources = await openSources(path, { maxBytes: maxUnpackedBytes })
  const report = new ReportBuilder({ dry_run: dryRun, project })
  const writer = new Writer({ db: context.db, project, embedder: context.embedder, dryRun, report })
  try {
    const found = await survey(sources.files, report, options)
    const importing: Importing = {
      ...options,
      context,
      report,
      writer,
      found,
      done: 0,
      filesFound: new Map(),
    }
    await refuseForeignThreads(importing)
    await writeKinds(importing, firstKinds)
    await createMissingThreads(importing)
    await fill(importing, [...sources.contents, ...found.others])
    await writeKinds(importing, lastKinds)
    if (!dryRun) report.report.reordered_threads = await orderThreads(context.db, { ...options, ...found })
    return report.report
  } finally {
    await writer.settle()
    await sources.close()
  }
}

/** Reads the files that have objects of these kinds, and writes those. */
async function writeKinds(importing: Importing, kinds: ReadonlySet<Kind>): Promise<void> {
  const { writer, found } = importing
  for (const { file, kinds: ofFile } of found.sources) {
    if (![...ofFile.keys()].some((kind) => kinds.has(kind))) continue
    for await (const batch of (await readRecords(file, importing)) ?? []) {
      await writeBatch(importing, batch, { kinds, orders: ofFile })
    }
  }
  await writer.flush()
}

async function writeBatch(
  importing: Importing,
  batch: readonly LocatedRecords[],
  { kinds, orders }: { kinds: ReadonlySet<Kind>; orders: SourceSurvey['kinds'] },
): Promise<void> {
  for (const { found } of batch) {
    if (typeof found !== 'object') continue
    for (const record of found.records) {
      if (!kinds.has(record.kind)) continue
      await writeRecord(importing, record, orders.get(record.kind) ?? found.order)
    }
  }
}

async function writeRecord(importing: Importing, record: TransferRecord, order: Order): Promise<void> {
  const { report, writer, context, found, onProgress } = importing
  report.count(record.kind, 'found')
  importing.done += 1
  if (importing.done % progressEvery === 0) {
    onProgress?.({ phase: 'writing', done: importing.done, total: found.objects })
  }
  const row = rowOf(record, report, nowSeconds(context.clock))
  if (row && record.kind === 'file' && importing.dryRun) {
    importing.filesFound.set(row.id, { ...(row as Row & MissingContent), text_sha256: null })
  }
  const written = row && writer.add(record.kind, row, order)
  // Undefined for most rows: they are only added to a batch.
  if (written) await written
}

/** An import must not add objects to threads of other projects. */
async function refuseForeignThreads({ context, found, writer, project }: Importing): Promise<void> {
  for (const ids of pagesOf([...found.threads.keys()])) {
    const projects = await projectsOf(context.db, 'threads', ids)
    writer.refuseThreads(ids.filter((id) => (projects.get(id) ?? project) !== project))
  }
}

/** Creates threads that are only named. Their `created_at` is that of the oldest object that names them. */
async function createMissingThreads({ context, found, report, project, dryRun }: Importing): Promise<void> {
  const now = nowSeconds(context.clock)
  for (const ids of pagesOf([...found.threads.keys()].filter(isThreadId))) {
    const projects = await projectsOf(context.db, 'threads', ids)
    const rows = ids
      .filter((id) => !projects.has(id) && (!dryRun || !found.described.has(id)))
      .map((id) => ({ id, created_at: timeOf(found, id, now), metadata: {}, tool_resources: {} }))
    report.report.created_threads += rows.length
    if (!dryRun && rows.length > 0) {
      await importRows(context.db, 'threads', { project, rows: JSON.stringify(rows), newestFirst: false })
    }
  }
}

function timeOf({ threads }: Survey, id: string, now: number): number {
  const time = threads.get(id) ?? Infinity
  return Number.isSafeInteger(time) ? time : now
}

function* pagesOf(ids: readonly string[]): Generator<string[]> {
  for (let start = 0; start < ids.length; start += threadPage) yield ids.slice(start, start + threadPage)
}

async function fill(importing: Importing, beside: readonly SourceFile[]): Promise<void> {
  const { context, files, report, dryRun, filesFound } = importing
  const index = new ContentIndex([...beside, ...(files === undefined ? [] : await listFiles(files))])
  await fillContents(context, { ...importing, index })
  await reportZips(importing)
  if (!dryRun) return
  for (const ids of pagesOf([...filesFound.keys()])) {
    const projects = await projectsOf(context.db, 'files', ids)
    for (const id of ids.filter((one) => !projects.has(one))) {
      const file = filesFound.get(id)
      if (file) countContent(file, index, report)
    }
  }
}

/** Reports zips inside the import, which are not opened, except those that are contents of files. */
async function reportZips({ context, project, report, found, filesFound }: Importing): Promise<void> {
  if (found.zips.length === 0) return
  const index = new ContentIndex(found.zips)
  const sizes = found.zips.map(({ bytes }) => bytes)
  const files = [...(await filesOfSizes(context.db, project, sizes)), ...filesFound.values()]
  const contents = new Set(files.map((file) => index.find(file)))
  for (const zip of found.zips) if (!contents.has(zip)) report.skip('value', innerZip, zip.name)
}
