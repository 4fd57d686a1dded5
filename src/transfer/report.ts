/** What an import did, object by object and in total. */
import { kinds, type Kind } from './records.ts'

export interface Counts {
  found: number
  imported: number
  already_there: number
  skipped: number
}

export interface Skipped {
  kind: Kind | 'value'
  reason: string
  count: number
  /** The first few: ids, or file and line. */
  examples: string[]
}

export interface ImportReport {
  object: 'import.report'
  dry_run: boolean
  project: string
  kinds: Record<Kind, Counts>
  skipped: Skipped[]
  /** Keys that the API does not have, such as `thread.message.foo`, and how often they were dropped. */
  dropped_fields: Record<string, number>
  /** Threads that no object describes, created for their messages. */
  created_threads: number
  /** Threads whose messages, runs or steps were put in another order. */
  reordered_threads: number
  /** Runs that were active in the export and are `expired` here. */
  expired_runs: number
  contents: {
    /** Files that got their content. */
    imported: number
    /** Files whose content is still missing. */
    missing: number
    missing_examples: string[]
  }
  /** Each file that was read, the formats found in it, and its number of objects. */
  sources: { file: string; formats: string[]; objects: number }[]
}

const maxExamples = 5
const maxSources = 1000
const maxDroppedFields = 1000

/** Collects the report while the import works. */
export class ReportBuilder {
  readonly report: ImportReport
  readonly #skipped = new Map<string, Skipped>()

  constructor({ dry_run, project }: { dry_run: boolean; project: string }) {
    const none = () => ({ found: 0, imported: 0, already_there: 0, skipped: 0 })
    this.report = {
      object: 'import.report',
      dry_run,
      project,
      kinds: Object.fromEntries(kinds.map((kind) => [kind, none()])) as Record<Kind, Counts>,
      skipped: [],
      dropped_fields: {},
      created_threads: 0,
      reordered_threads: 0,
      expired_runs: 0,
      contents: { imported: 0, missing: 0, missing_examples: [] },
      sources: [],
    }
  }

  count(kind: Kind, what: keyof Counts, by = 1): void {
    this.report.kinds[kind][what] += by
  }

  skip(kind: Kind | 'value', reason: string, example: string): void {
    if (kind !== 'value') this.count(kind, 'skipped')
    const key = `${kind} ${reason}`
    const entry = this.#skipped.get(key) ?? { kind, reason, count: 0, examples: [] }
    if (entry.count === 0) {
      this.#skipped.set(key, entry)
      this.report.skipped.push(entry)
    }
    entry.count += 1
    if (entry.examples.length < maxExamples) entry.examples.push(example)
  }

  drop(field: string): void {
    const { dropped_fields } = this.report
    if (!Object.hasOwn(dropped_fields, field) && Object.keys(dropped_fields).length >= maxDroppedFields)
      return
    dropped_fields[field] = (dropped_fields[field] ?? 0) + 1
  }

  source(file: string, formats: Iterable<string>, objects: number): void {
    if (this.report.sources.length < maxSources) {
      this.report.sources.push({ file, formats: [...formats], objects })
    }
  }

  missing(id: string): void {
    const { contents } = this.report
    contents.missing += 1
    if (contents.missing_examples.length < maxExamples) contents.missing_examples.push(id)
  }
}
