/** The first pass over the files: finds which objects each file has, in which order, and their threads. */
import type { Kind, Order, Recognised, TransferRecord } from './records.ts'
import { readRecords, type LocatedRecords, type ReadingOptions } from './read-records.ts'
import type { ReportBuilder } from './report.ts'
import { isZip, type SourceFile } from './sources.ts'
import { ThreadExtras } from './spool-extras.ts'

export interface SourceSurvey {
  file: SourceFile
  /** The kinds in the file, each with the order of its times; undefined when the times show no order. */
  kinds: Map<Kind, Order | undefined>
  /** The thread that the file describes, if it describes one. */
  thread: ThreadPlace | undefined
}

interface ThreadPlace {
  created_at: number
  /** The place in the list of threads, if the export has it. */
  position: number | undefined
}

export interface Survey {
  /** Files of single threads are last, with the oldest thread first. */
  sources: SourceSurvey[]
  /** Files without objects. They may be contents. */
  others: SourceFile[]
  /** Files in `others` that are zips, by name and first bytes. */
  zips: SourceFile[]
  objects: number
  /** All threads that objects name, each with the earliest time of these objects. */
  threads: Map<string, number>
  /** The threads that have a thread object. */
  described: Set<string>
  /** The ids of messages and steps in their order, by thread, if the export has it. */
  orders: Map<string, string[]>
}

interface SurveyOptions extends ReadingOptions {
  onProgress?: (progress: { phase: 'reading'; done: number }) => void
}

/** Reports values that are damaged or of no known format. */
export async function survey(
  files: readonly SourceFile[],
  report: ReportBuilder,
  options: SurveyOptions,
): Promise<Survey> {
  const found: Survey = {
    sources: [],
    others: [],
    zips: [],
    objects: 0,
    threads: new Map(),
    described: new Set(),
    orders: new Map(),
  }
  for (const file of files) {
    const batches = await readRecords(file, options)
    if (batches) {
      await surveyFile(found, file, { batches, report, ...options })
      continue
    }
    if (/\.zip$/i.test(file.name) && (await isZip(file.path))) found.zips.push(file)
    found.others.push(file)
  }
  found.sources.sort(byThread)
  return found
}

function byThread({ thread: a }: SourceSurvey, { thread: b }: SourceSurvey): number {
  if (!a || !b) return Number(a !== undefined) - Number(b !== undefined)
  if (a.position !== undefined && b.position !== undefined) return a.position - b.position
  return a.created_at - b.created_at
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
  const votes = new Votes()
  const before = all.objects
  const threads: ThreadPlace[] = []
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
        votes.add(record)
        threads.push(...noteThread(all, record))
        all.objects += 1
      }
    }
    onProgress?.({ phase: 'reading', done: all.objects })
  }
  report.source(file.name, formats, all.objects - before)
  if (formats.size === 0) all.others.push(file)
  else {
    const thread = threads.length === 1 ? threads[0] : undefined
    all.sources.push({ file, kinds: votes.kinds(file.order), thread })
  }
}

const valueFaults = {
  damaged: 'it is not valid JSON',
  'too large': 'the JSON document is too large to be read in one piece: write one object a line',
  unknown: 'its format is not known',
  undecoded: 'some of its bytes are not valid characters: they were replaced by U+FFFD; save it as UTF-8',
}

function noteSkipped({ skipped = {} }: Recognised, report: ReportBuilder, place: string): void {
  for (const [reason, count] of Object.entries(skipped)) {
    for (let index = 0; index < count; index += 1) report.skip('value', reason, place)
  }
}

/** Returns the place of the thread, if the record describes one. */
function noteThread(
  { threads, described, orders }: Survey,
  { kind, object, spool }: TransferRecord,
): ThreadPlace[] {
  const id = kind === 'thread' ? object['id'] : object['thread_id']
  if (typeof id !== 'string') return []
  const time = typeof object['created_at'] === 'number' ? object['created_at'] : Infinity
  const known = threads.get(id)
  if (known === undefined || time < known) threads.set(id, time)
  if (kind !== 'thread') return []
  described.add(id)
  const extras = ThreadExtras.safeParse(spool).data
  if (extras) orders.set(id, extras.order)
  return [{ created_at: time, position: extras?.position }]
}

/** Finds the order of objects: compares the times of successive objects of one kind and one thread. */
class Votes {
  readonly #kinds = new Map<Kind, { thread: unknown; time: number; rising: number; falling: number }>()

  add({ kind, object }: TransferRecord): void {
    const { created_at, thread_id: thread } = object
    const time = typeof created_at === 'number' ? created_at : NaN
    const last = this.#kinds.get(kind)
    if (!last) {
      this.#kinds.set(kind, { thread, time, rising: 0, falling: 0 })
      return
    }
    if (last.thread === thread && time > last.time) last.rising += 1
    if (last.thread === thread && time < last.time) last.falling += 1
    last.thread = thread
    last.time = time
  }

  /** `known` is the order of the file; it wins over the times. */
  kinds(known: Order | undefined): SourceSurvey['kinds'] {
    return new Map(
      [...this.#kinds].map(([kind, { rising, falling }]) => {
        const order = falling > rising ? 'desc' : 'asc'
        return [kind, known ?? (falling === rising ? undefined : order)]
      }),
    )
  }
}
