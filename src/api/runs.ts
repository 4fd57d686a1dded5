/** Runs: one execution of an assistant on a thread. */
import { z } from 'zod'
import { maxTextLength, ReasoningEffort, temperature, top_p } from './assistants.ts'
import { errors } from './errors.ts'
import { at, atOrNull, addIssue, id, integer, text } from './fields.ts'
import { CreateMessageRequest } from './messages.ts'
import { Metadata, MetadataRequest } from './metadata.ts'
import { RunWork } from './run-work.ts'
import { ResponseFormat, ResponseFormatRequest } from './response-format.ts'
import { CreateThreadRequest } from './threads.ts'
import { ModifyToolResources, ToolResources } from './tool-resources.ts'
import { AssistantTool, RunToolRequests, ToolChoice } from './tools.ts'

export const RunStatus = z.enum([
  'queued',
  'in_progress',
  'requires_action',
  'cancelling',
  'cancelled',
  'failed',
  'completed',
  'incomplete',
  'expired',
])
export type RunStatus = z.output<typeof RunStatus>

/** Tokens of a step, or of all steps of a run. The key is `prompt_token_details`, unlike in chat completions. */
export const Usage = z.strictObject({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_token_details: z.strictObject({ cached_tokens: z.int() }),
  completion_tokens_details: z.strictObject({ reasoning_tokens: z.int() }),
})
export type Usage = z.output<typeof Usage>

export const noUsage: Usage = {
  prompt_tokens: 0,
  completion_tokens: 0,
  total_tokens: 0,
  prompt_token_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
}

export const RunError = z.strictObject({
  code: z.enum(['server_error', 'rate_limit_exceeded', 'invalid_prompt']),
  message: z.string(),
})
export type RunError = z.output<typeof RunError>

const TruncationStrategy = z.strictObject({
  type: z.enum(['auto', 'last_messages']),
  last_messages: z.int().nullable(),
})

/** `arguments` is the model's own text and may be broken JSON. */
const RequiredToolCall = z.strictObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.strictObject({ name: z.string(), arguments: z.string() }),
})

const RequiredAction = z.strictObject({
  type: z.literal('submit_tool_outputs'),
  submit_tool_outputs: z.strictObject({ tool_calls: z.array(RequiredToolCall) }),
})

export const RunIncompleteReason = z.enum(['max_completion_tokens', 'max_prompt_tokens', 'content_filter'])
export type RunIncompleteReason = z.output<typeof RunIncompleteReason>

export const Run = z.strictObject({
  id: z.string(),
  object: z.literal('thread.run'),
  created_at: at,
  assistant_id: z.string(),
  thread_id: z.string(),
  status: RunStatus,
  started_at: atOrNull,
  expires_at: atOrNull,
  cancelled_at: atOrNull,
  failed_at: atOrNull,
  completed_at: atOrNull,
  required_action: RequiredAction.nullable(),
  last_error: RunError.nullable(),
  model: z.string(),
  instructions: z.string().nullable(),
  tools: z.array(AssistantTool),
  tool_resources: ToolResources,
  metadata: Metadata,
  temperature: z.number().nullable(),
  top_p: z.number().nullable(),
  reasoning_effort: ReasoningEffort.nullable(),
  max_completion_tokens: z.int().nullable(),
  max_prompt_tokens: z.int().nullable(),
  truncation_strategy: TruncationStrategy,
  incomplete_details: z.strictObject({ reason: RunIncompleteReason }).nullable(),
  usage: Usage.nullable(),
  response_format: ResponseFormat,
  tool_choice: ToolChoice,
  parallel_tool_calls: z.boolean(),
})
export type Run = z.output<typeof Run>

const TruncationStrategyRequest = z
  .strictObject({
    type: z.enum(['auto', 'last_messages']),
    last_messages: integer(1).nullable().default(null),
  })
  .check(({ value, issues }) => {
    if (value.type !== 'last_messages' || value.last_messages !== null) return
    addIssue(issues, value, (path) => errors.missingParameter(`${path}.last_messages`))
  })

const tokenBudget = integer(256).nullish()

/** The settings of a run that replace those of its assistant; absent and null both mean the assistant's. */
const overrides = {
  model: text({ min: 1 }).nullish(),
  instructions: text({ max: maxTextLength }).nullish(),
  // An assistant may have more: a run without `tools` inherits up to 128.
  tools: RunToolRequests.nullish(),
  metadata: MetadataRequest,
  temperature: temperature.nullish(),
  top_p: top_p.nullish(),
  reasoning_effort: ReasoningEffort.nullish(),
  stream: z.boolean().nullish(),
  max_prompt_tokens: tokenBudget,
  max_completion_tokens: tokenBudget,
  truncation_strategy: TruncationStrategyRequest.nullish(),
  tool_choice: ToolChoice.nullish(),
  parallel_tool_calls: z.boolean().default(true),
  response_format: ResponseFormatRequest.nullish(),
}

export const CreateRunRequest = z.strictObject({
  assistant_id: id('assistant'),
  ...overrides,
  additional_instructions: text({ max: maxTextLength }).nullish(),
  additional_messages: z.array(CreateMessageRequest).nullish(),
})
export type CreateRunRequest = z.output<typeof CreateRunRequest>

/** `tool_resources` here replaces the assistant's; the thread has its own inside `thread`. */
export const CreateThreadAndRunRequest = z.strictObject({
  assistant_id: id('assistant'),
  thread: CreateThreadRequest.optional(),
  ...overrides,
  tool_resources: ModifyToolResources,
})
export type CreateThreadAndRunRequest = z.output<typeof CreateThreadAndRunRequest>

export const ModifyRunRequest = z.strictObject({ metadata: MetadataRequest })
export type ModifyRunRequest = z.output<typeof ModifyRunRequest>

const maxOutputLength = 1_048_576

/** An absent `output` is the empty text. */
export const SubmitToolOutputsRequest = z.strictObject({
  tool_outputs: z.array(
    z.strictObject({ tool_call_id: text(), output: text({ max: maxOutputLength }).default('') }),
  ),
  stream: z.boolean().nullish(),
})
export type SubmitToolOutputsRequest = z.output<typeof SubmitToolOutputsRequest>

/**
 * Beyond the original API: notes about a run, each with its kind and its own fields, and its work piece by piece.
 * Times that end in `_ms` are Unix milliseconds.
 */
export const RunTrace = z.strictObject({
  object: z.literal('thread.run.trace'),
  run_id: z.string(),
  thread_id: z.string(),
  attempts: z.int(),
  data: z.array(z.looseObject({ at, kind: z.string() })),
  /** Empty where `is_kept` is false, and for runs that are older than work is kept. */
  work: z.array(RunWork),
  /** Whether this server keeps the work of runs. */
  is_kept: z.boolean(),
})
export type RunTrace = z.output<typeof RunTrace>
