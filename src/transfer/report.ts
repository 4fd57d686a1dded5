/** Counts what an import did with each object, and builds the report. */
import type { ImportReport } from '../api/import-report.ts'
import { kinds, type Kind } from './records.ts'

type Counts = ImportReport['kinds'][Kind]
type Skipped = ImportReport['skipped'][number]

const maxExamples = 5
const maxSources = 1000
const maxDroppedFields = 1000

/** Collects the report during an import. */
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
      contents: { imported: 0, missing: 0, texts: 0, missing_examples: [] },
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

  missing(id: string, { hasText }: { hasText: boolean }): void {
    const { contents } = this.report
    contents.missing += 1
    if (hasText) contents.texts += 1
    if (contents.missing_examples.length < maxExamples) contents.missing_examples.push(id)
  }
}
