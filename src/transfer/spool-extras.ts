/** Data in exports of this server that the objects of the API do not have, so that an import creates the same rows. */
import { z } from 'zod'
import { ToolResources } from '../api/tool-resources.ts'
import { Usage } from '../api/runs.ts'

export const ThreadExtras = z.strictObject({
  /** The place of the thread in the list of threads, oldest first. */
  position: z.int(),
  /** Ids of its messages and steps, oldest first. */
  order: z.array(z.string()),
})

const Call = z.strictObject({
  id: z.string(),
  name: z.string(),
  arguments: z.string(),
  output: z.string().nullable(),
  marks: z
    .array(
      z.strictObject({ text: z.string(), type: z.enum(['file_citation', 'file_path']), file_id: z.string() }),
    )
    .optional(),
  image_file_ids: z.array(z.string()).optional(),
  extras: z.string().optional(),
})

/** See `RecordedTurn` in sql/run-steps.ts. */
export const Turn = z.strictObject({
  calls: z.array(Call),
  usage: Usage,
  message_ids: z.array(z.string()).optional(),
  origin: z.string().optional(),
  extras: z.string().optional(),
})

/** The data of a run that its API object does not have. */
export const RunExtras = z.strictObject({
  deadline: z.int(),
  resources: ToolResources,
  include_search_content: z.boolean(),
  trace: z.array(z.looseObject({ at: z.int(), kind: z.string() })),
})
export type RunExtras = z.output<typeof RunExtras>
