/** Beyond the original API: what an import did. */
import { z } from 'zod'
import { integer } from './fields.ts'

const count = integer(0)

const flag = z.enum(['true', 'false']).default('false')

export const ImportQuery = z.object({ dry_run: flag, stream: flag })

const Counts = z.strictObject({ found: count, imported: count, already_there: count, skipped: count })

export const ImportReport = z.strictObject({
  object: z.literal('import.report'),
  dry_run: z.boolean(),
  project: z.string(),
  /** `vector_store_file`, `step` and the like. */
  kinds: z.strictObject({
    assistant: Counts,
    file: Counts,
    vector_store: Counts,
    vector_store_file: Counts,
    thread: Counts,
    run: Counts,
    message: Counts,
    step: Counts,
  }),
  /** The kind `value` is anything that was not recognised as an object. The examples are ids, or file and line. */
  skipped: z.array(
    z.strictObject({ kind: z.string(), reason: z.string(), count, examples: z.array(z.string()) }),
  ),
  /** Keys that the API does not have, such as `message.color`, and how often they were left out. */
  dropped_fields: z.record(z.string(), count),
  /** Threads that no object describes, created for their messages. */
  created_threads: count,
  /** Threads whose messages, runs or steps were put in another order. */
  reordered_threads: count,
  /** Runs that were active in the export and are `expired` here. */
  expired_runs: count,
  /** Files that got their content, those that still have none, and those of them that have a text instead. */
  contents: z.strictObject({
    imported: count,
    missing: count,
    texts: count,
    missing_examples: z.array(z.string()),
  }),
  /** Each file that was read, the formats found in it, and its number of objects. */
  sources: z.array(z.strictObject({ file: z.string(), formats: z.array(z.string()), objects: count })),
})
export type ImportReport = z.output<typeof ImportReport>
