/** Beyond the original API: what a run did, piece by piece, in its trace. Times are Unix milliseconds. */
import { z } from 'zod'

const ms = z.int()
const msOrNull = ms.nullable()

const started = {
  id: z.string(),
  started_ms: ms,
  /** null while it is in progress, and when its process ended during it. */
  ended_ms: msOrNull,
  /** The attempt of the run that it belongs to. */
  attempt: z.int(),
}

/** From the claim of the run by a worker until the run ends or waits for its client, or the worker is lost. */
const WorkerSpan = z.strictObject({
  ...started,
  kind: z.literal('worker'),
  /** The time from which the run waited for a worker. */
  queued_ms: ms,
  /** The run's status at the end. */
  status: z.string().nullable(),
  /** Names of functions whose outputs the client must submit. */
  waits_for: z.array(z.string()),
})

const Failure = z.strictObject({ code: z.string(), message: z.string() })

/** One turn of the model. */
const ModelRequest = z.strictObject({
  ...started,
  kind: z.literal('model_request'),
  first_token_ms: msOrNull,
  provider: z.string(),
  /** The provider's own name of the model. */
  model: z.string(),
  /** The request as the provider's driver received it: messages, tools and parameters. */
  request: z.looseObject({}),
  /** Long texts were cut to keep the trace small. */
  is_cut: z.boolean(),
  /** Messages of the thread that were left out because they did not fit; the newest of them by id. */
  left_out: z.strictObject({ count: z.int(), ids: z.array(z.string()) }),
  /** Notes of the driver about the request: fields that the server refused, retries. */
  notes: z.array(z.looseObject({ at_ms: ms, kind: z.string() })),
  finish_reason: z.string().nullable(),
  usage: z
    .strictObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
    .nullable(),
  error: Failure.nullable(),
})

/** The parts of a score; null for a part that was not used. */
export const ScoreParts = z.strictObject({
  meaning: z.number().nullable(),
  words: z.number().nullable(),
  /** The score of the reranker, where one is configured; null when it failed. */
  rerank: z.number().nullable().optional(),
})
export type ScoreParts = z.output<typeof ScoreParts>

export const Passage = z.strictObject({
  file_id: z.string(),
  filename: z.string(),
  vector_store_id: z.string(),
  score: z.number(),
  scores: ScoreParts,
  /** The model adds it after each statement that it takes from this passage. */
  mark: z.string(),
  text: z.string(),
  page: z.int().optional(),
  slide: z.int().optional(),
  heading: z.string().optional(),
})
export type Passage = z.output<typeof Passage>

/** A tool call that the server executed. */
const ToolCallWork = z.strictObject({
  ...started,
  kind: z.literal('tool_call'),
  call_id: z.string(),
  name: z.string(),
  error: z.string().nullable(),
  /** Of a search only. */
  search: z.strictObject({ queries: z.array(z.string()), passages: z.array(Passage) }).nullable(),
})

export const RunWork = z.discriminatedUnion('kind', [WorkerSpan, ModelRequest, ToolCallWork])
export type RunWork = z.output<typeof RunWork>
export type WorkerSpan = z.output<typeof WorkerSpan>
export type ModelRequestWork = z.output<typeof ModelRequest>
export type ToolCallWork = z.output<typeof ToolCallWork>
