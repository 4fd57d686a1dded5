/** The events of a stream: their names and the data of each. */
import { z } from 'zod'
import { Annotation, Message } from './messages.ts'
import { RunStep } from './run-steps.ts'
import { Run } from './runs.ts'
import { Thread } from './threads.ts'

const index = z.int()

const [FileCitation, FilePath] = Annotation.options
/** An annotation in a delta: it has an index within its part, and a citation has an empty quote. */
export const AnnotationDelta = z.discriminatedUnion('type', [
  z.strictObject({
    index,
    ...FileCitation.shape,
    file_citation: z.strictObject({ file_id: z.string(), quote: z.literal('') }),
  }),
  z.strictObject({ index, ...FilePath.shape }),
])
export type AnnotationDelta = z.output<typeof AnnotationDelta>

/** A delta of a content part. `annotations` is `[]` in the first delta of a text, and later present only with new ones. */
export const MessageContentDelta = z.discriminatedUnion('type', [
  z.strictObject({
    index,
    type: z.literal('text'),
    text: z.strictObject({ value: z.string(), annotations: z.array(AnnotationDelta).optional() }),
  }),
  z.strictObject({
    index,
    type: z.literal('image_file'),
    image_file: z.strictObject({ file_id: z.string() }),
  }),
  z.strictObject({ index, type: z.literal('refusal'), refusal: z.string() }),
])
export type MessageContentDelta = z.output<typeof MessageContentDelta>

export const MessageDelta = z.strictObject({
  id: z.string(),
  object: z.literal('thread.message.delta'),
  delta: z.strictObject({ content: z.array(MessageContentDelta) }),
})
export type MessageDelta = z.output<typeof MessageDelta>

const CodeOutputDelta = z.discriminatedUnion('type', [
  z.strictObject({ index, type: z.literal('logs'), logs: z.string() }),
  z.strictObject({ index, type: z.literal('image'), image: z.strictObject({ file_id: z.string() }) }),
])

/**
 * A delta of a tool call. Accumulators of the SDKs join strings, so ids and names are in the first delta of a call
 * only.
 */
export const StepToolCallDelta = z.discriminatedUnion('type', [
  z.strictObject({
    index,
    id: z.string().optional(),
    type: z.literal('function'),
    function: z.strictObject({
      name: z.string().optional(),
      arguments: z.string().optional(),
      output: z.string().nullable().optional(),
    }),
  }),
  z.strictObject({
    index,
    id: z.string().optional(),
    type: z.literal('code_interpreter'),
    code_interpreter: z.strictObject({
      input: z.string().optional(),
      outputs: z.array(CodeOutputDelta).optional(),
    }),
  }),
  z.strictObject({
    index,
    id: z.string().optional(),
    type: z.literal('file_search'),
    file_search: z.strictObject({
      ranking_options: z.strictObject({
        ranker: z.literal('default_2024_08_21'),
        score_threshold: z.number(),
      }),
      results: z.array(z.never()),
    }),
  }),
])
export type StepToolCallDelta = z.output<typeof StepToolCallDelta>

const RunStepDelta = z.strictObject({
  id: z.string(),
  object: z.literal('thread.run.step.delta'),
  delta: z.strictObject({
    step_details: z.strictObject({ type: z.literal('tool_calls'), tool_calls: z.array(StepToolCallDelta) }),
  }),
})

function event<Name extends string, Carried extends z.ZodType>(name: Name, data: Carried) {
  return z.strictObject({ event: z.literal(name), data })
}

export const RunEvent = z.discriminatedUnion('event', [
  event('thread.created', Thread),
  event('thread.run.created', Run),
  event('thread.run.queued', Run),
  event('thread.run.in_progress', Run),
  event('thread.run.requires_action', Run),
  event('thread.run.completed', Run),
  event('thread.run.incomplete', Run),
  event('thread.run.failed', Run),
  event('thread.run.cancelling', Run),
  event('thread.run.cancelled', Run),
  event('thread.run.expired', Run),
  event('thread.run.step.created', RunStep),
  event('thread.run.step.in_progress', RunStep),
  event('thread.run.step.delta', RunStepDelta),
  event('thread.run.step.completed', RunStep),
  event('thread.run.step.failed', RunStep),
  event('thread.run.step.cancelled', RunStep),
  event('thread.run.step.expired', RunStep),
  event('thread.message.created', Message),
  event('thread.message.in_progress', Message),
  event('thread.message.delta', MessageDelta),
  event('thread.message.completed', Message),
  event('thread.message.incomplete', Message),
])
export type RunEvent = z.output<typeof RunEvent>
export type RunEventName = RunEvent['event']

/** After one of these a run never changes again. */
export const terminalRunEvents: ReadonlySet<RunEventName> = new Set<RunEventName>([
  'thread.run.completed',
  'thread.run.incomplete',
  'thread.run.failed',
  'thread.run.cancelled',
  'thread.run.expired',
])

/** A response stream ends after one of these: the terminal events and `requires_action`. */
export const streamEndingEvents: ReadonlySet<RunEventName> = new Set<RunEventName>([
  ...terminalRunEvents,
  'thread.run.requires_action',
])
