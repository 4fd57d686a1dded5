/** Lists: the query of a request, and the envelope of the answer. */
import { z } from 'zod'
import { id, integer, text } from './fields.ts'
import { RunStatus } from './runs.ts'

const order = z.enum(['asc', 'desc']).default('desc')

/** Beyond the original API: only objects whose name contains this text, or that have it as their id. */
const search = { query: text({ min: 1, max: 200 }).optional() }

/** The query of every list except files; `after` and `before` are ids of the listed kind. */
export const ListQuery = z.object({
  limit: integer(1, 100).default(20),
  order,
  after: text().optional(),
  before: text().optional(),
})
export type ListQuery = z.output<typeof ListQuery>

export const ListAssistantsQuery = ListQuery.extend({
  ...search,
  after: id('assistant').optional(),
  before: id('assistant').optional(),
})
/**
 * Beyond the original API, which lists no threads. `query` is the id of a thread, or text in its metadata or in one of
 * its messages.
 */
export const ListThreadsQuery = ListQuery.extend({
  ...search,
  include: z.array(z.enum(['first_message'])).default([]),
  after: id('thread').optional(),
  before: id('thread').optional(),
})
export type ListThreadsQuery = z.output<typeof ListThreadsQuery>
export const ListMessagesQuery = ListQuery.extend({
  after: id('message').optional(),
  before: id('message').optional(),
  run_id: id('run').optional(),
})
export const ListRunsQuery = ListQuery.extend({ after: id('run').optional(), before: id('run').optional() })
/** Beyond the original API: the runs of all threads. */
export const ListProjectRunsQuery = ListRunsQuery.extend({
  status: RunStatus.optional(),
  assistant_id: id('assistant').optional(),
  model: text({ min: 1 }).optional(),
  error_code: z.enum(['server_error', 'rate_limit_exceeded', 'invalid_prompt']).optional(),
})
export type ListProjectRunsQuery = z.output<typeof ListProjectRunsQuery>
export const ListVectorStoresQuery = ListQuery.extend({
  ...search,
  after: id('vector_store').optional(),
  before: id('vector_store').optional(),
})

export const ListVectorStoreFilesQuery = ListQuery.extend({
  after: id('file').optional(),
  before: id('file').optional(),
  filter: z.enum(['in_progress', 'completed', 'failed', 'cancelled']).optional(),
  /** Beyond the original API. */
  include: z.array(z.enum(['progress'])).default([]),
})

export const ListFilesQuery = z.object({
  ...search,
  purpose: text().optional(),
  limit: integer(1, 10_000).default(10_000),
  order,
  after: text().optional(),
})
export type ListFilesQuery = z.output<typeof ListFilesQuery>

export interface List<Item> {
  object: 'list'
  data: Item[]
  first_id: string | null
  last_id: string | null
  has_more: boolean
}

/** The envelope, keys in wire order. */
export function listOf<Item extends { id: string }>(data: Item[], has_more: boolean): List<Item> {
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more }
}

/** The same for `GET /files`, where `has_more` precedes the ids. */
export function fileListOf<Item extends { id: string }>(data: Item[], has_more: boolean): List<Item> {
  return { object: 'list', data, has_more, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}

/** The schema of a list of `item`. */
export function listSchema<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    object: z.literal('list'),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
}
