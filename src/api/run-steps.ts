/** Run steps: what a run did, turn by turn. */
import { z } from 'zod'
import { at, atOrNull, id } from './fields.ts'
import { ListQuery } from './lists.ts'
import { Attributes } from './metadata.ts'
import { type RunError, Usage } from './runs.ts'

export const FunctionToolCall = z.strictObject({
  id: z.string(),
  type: z.literal('function'),
  /** `output` is null until the client has submitted it. */
  function: z.strictObject({ name: z.string(), arguments: z.string(), output: z.string().nullable() }),
})
export type FunctionToolCall = z.output<typeof FunctionToolCall>

export const CodeInterpreterOutput = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('logs'), logs: z.string() }),
  z.strictObject({ type: z.literal('image'), image: z.strictObject({ file_id: z.string() }) }),
])
export type CodeInterpreterOutput = z.output<typeof CodeInterpreterOutput>

export const CodeInterpreterToolCall = z.strictObject({
  id: z.string(),
  type: z.literal('code_interpreter'),
  code_interpreter: z.strictObject({ input: z.string(), outputs: z.array(CodeInterpreterOutput) }),
})
export type CodeInterpreterToolCall = z.output<typeof CodeInterpreterToolCall>

/** `content` is present only when the client requested it. */
const FileSearchResult = z.strictObject({
  file_id: z.string(),
  file_name: z.string(),
  score: z.number(),
  attributes: Attributes,
  content: z.array(z.strictObject({ type: z.literal('text'), text: z.string() })).optional(),
})

export const FileSearchToolCall = z.strictObject({
  id: z.string(),
  type: z.literal('file_search'),
  file_search: z.strictObject({
    ranking_options: z.strictObject({ ranker: z.literal('default_2024_08_21'), score_threshold: z.number() }),
    results: z.array(FileSearchResult),
  }),
})
export type FileSearchToolCall = z.output<typeof FileSearchToolCall>

export const StepToolCall = z.discriminatedUnion('type', [
  FunctionToolCall,
  CodeInterpreterToolCall,
  FileSearchToolCall,
])
export type StepToolCall = z.output<typeof StepToolCall>

const StepDetails = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('message_creation'),
    message_creation: z.strictObject({ message_id: z.string() }),
  }),
  z.strictObject({ type: z.literal('tool_calls'), tool_calls: z.array(StepToolCall) }),
])

const RunStepStatus = z.enum(['in_progress', 'cancelled', 'failed', 'completed', 'expired'])

/** The error codes of a run except `invalid_prompt`, which only runs have. */
export const RunStepError = z.strictObject({
  code: z.enum(['server_error', 'rate_limit_exceeded']),
  message: z.string(),
})
export type RunStepError = z.output<typeof RunStepError>

/** The error of a run, as its open step shows it. */
export function stepErrorOf({ code, message }: RunError): RunStepError {
  return { code: code === 'invalid_prompt' ? 'server_error' : code, message }
}

/** `expired_at` is present only when the step expired. */
export const RunStep = z.strictObject({
  id: z.string(),
  object: z.literal('thread.run.step'),
  created_at: at,
  run_id: z.string(),
  assistant_id: z.string(),
  thread_id: z.string(),
  type: z.enum(['message_creation', 'tool_calls']),
  status: RunStepStatus,
  cancelled_at: atOrNull,
  completed_at: atOrNull,
  expires_at: atOrNull,
  expired_at: at.optional(),
  failed_at: atOrNull,
  last_error: RunStepError.nullable(),
  step_details: StepDetails,
  usage: Usage.nullable(),
})
export type RunStep = z.output<typeof RunStep>

/** The only value of `include`. */
export const includeResultContent = 'step_details.tool_calls[*].file_search.results[*].content'

/** `include[]`; parseQuery accepts both spellings. */
export const IncludeQuery = z.object({ include: z.array(z.enum([includeResultContent])).default([]) })
export type IncludeQuery = z.output<typeof IncludeQuery>

export const ListRunStepsQuery = ListQuery.extend({
  after: id('step').optional(),
  before: id('step').optional(),
  ...IncludeQuery.shape,
})
