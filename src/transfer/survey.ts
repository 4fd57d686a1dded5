/** The first reading: which file has which objects in which order, and which threads they belong to. */
import type { Kind, Order, Recognised, TransferRecord } from './records.ts'
import { readRecords, type LocatedRecords } from './read-records.ts'
import type { ReportBuilder } from './report.ts'
import type { SourceFile } from './sources.ts'
import { ThreadOrder } from './spool-extras.ts'

export interface SourceSurvey {
  file: SourceFile
  kinds: Set<Kind>
  /** As the times in the file have it; undefined where they do not say. */
  order: Order | undefined
}

export interface Survey {
  sources: SourceSurvey[]
  /** Files in which no object was found: they may be contents. */
  others: SourceFile[]
  objects: number
  /** Every thread that an object names, with the earliest time of such an object. */
  threads: Map<string, number>
  /** Those of them that an object describes. */
  described: Set<string>
  /** Ids of messages and steps in the order of an export that names it, by thread. */
  orders: Map<string, string[]>
}

interface SurveyOptions {
  signal: AbortSignal
  onProgress?: (progress: { phase: 'reading'; done: number }) => void
}

/** Reports what is damaged or of no known format. */
export async function survey(
  files: readonly SourceFile[],
  report: ReportBuilder,
  options: SurveyOptions,
): Promise<Survey> {
  const found: Survey = {
    sources: [],
    others: [],
    objects: 0,
    threads: new Map(),
    described: new Set(),
    orders: new Map(),
  }
  for (const file of files) {
    const batches = await readRecords(file, options.signal)
    if (batches) await surveyFile(found, file, { batches, report, ...options })
    else found.others.push(file)
  }
  return found
}

async function surveyFile(
  all: Survey,
  file: SourceFile,
  {
    batches,
    report,
    onProgress,
  }: SurveyOptions & { batches: AsyncIterable<LocatedRecords[]>; report: ReportBuilder },
): Promise<void> {
  const formats = new Set<string>()
  const kinds = new Set<Kind>()
  const votes = new Votes()
  const before = all.objects
  for await (const batch of batches) {
    for (const { line, found } of batch) {
      const place = `${file.name}:${line}`
      if (typeof found !== 'object') {
        report.skip('value', valueFaults[found ?? 'unknown'], place)
        continue
      }
      formats.add(found.format)
      noteSkipped(found, report, place)
      for (const record of found.records) {
        kinds.add(record.kind)
        votes.add(record)
        noteThread(all, record)
        all.objects += 1
      }
    }
    onProgress?.({ phase: 'reading', done: all.objects })
  }
  report.source(file.name, formats, all.objects - before)
  if (formats.size === 0) all.others.push(file)
  else all.sources.push({ file, kinds, order: votes.order })
}

const valueFaults = {
  damaged: 'it is not valid JSON',
  'too large': 'the JSON document is too large to be read in one piece: write one object a line',
  unknown: 'its format is not known',
}

function noteSkipped({ skipped = {} }: Recognised, report: ReportBuilder, place: string): void {
  for (const [reason, count] of Object.entries(skipped)) {
    for (let index = 0; index < count; index += 1) report.skip('value', reason, place)
  }
}

function noteThread({ threads, described, orders }: Survey, { kind, object, spool }: TransferRecord): void {
  const id = kind === 'thread' ? object['id'] : object['thread_id']
  if (typeof id !== 'string') return
  if (kind === 'thread') described.add(id)
  const time = typeof object['created_at'] === 'number' ? object['created_at'] : Infinity
  const known = threads.get(id)
  if (known === undefined || time < known) threads.set(id, time)
  const order = kind === 'thread' && spool !== undefined ? ThreadOrder.safeParse(spool).data : undefined
  if (order) orders.set(id, order)
}

/** Compares each object with the one before it, where both are of one kind and one thread. */
class Votes {
  readonly #last = new Map<Kind, { thread: unknown; time: number }>()
  #rising = 0
  #falling = 0

  add({ kind, object }: TransferRecord): void {
    const time = object['created_at']
    if (typeof time !== 'number') return
    const thread = object['thread_id']
    const last = this.#last.get(kind)
    if (last && last.thread === thread) {
      if (time > last.time) this.#rising += 1
      if (time < last.time) this.#falling += 1
    }
    this.#last.set(kind, { thread, time })
  }

  get order(): Order | undefined {
    if (this.#rising === this.#falling) return undefined
    return this.#falling > this.#rising ? 'desc' : 'asc'
  }
}
