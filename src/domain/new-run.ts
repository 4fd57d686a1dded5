/** The row of a new run, and its settings, which come from its assistant and its request. */
import { errors } from '../api/errors.ts'
import { expandResponseFormat } from '../api/response-format.ts'
import type { CreateRunRequest, CreateThreadAndRunRequest } from '../api/runs.ts'
import { checkTools, expandTools } from '../api/tools.ts'
import type { StoredAssistant } from '../sql/assistants.ts'
import type { RunRow, RunSettings } from '../sql/runs.ts'
import type { Context } from './context.ts'

type Overrides = Omit<CreateRunRequest, 'additional_messages' | 'additional_instructions'> &
  Pick<CreateRunRequest, 'additional_instructions'> &
  Partial<Pick<CreateThreadAndRunRequest, 'tool_resources'>>

/** As in the live API, the request overrides the assistant. A run does not inherit its metadata. */
export function runSettings(
  context: Pick<Context, 'modelBehind'>,
  assistant: StoredAssistant,
  request: Overrides,
  options: { include_search_content: boolean },
): RunSettings {
  const settings: RunSettings = {
    model: request.model ?? assistant.model,
    instructions: effectiveInstructions(assistant, request),
    tools: request.tools ? expandTools(request.tools) : assistant.tools,
    tool_resources: request.tool_resources ?? {},
    temperature: request.temperature ?? assistant.temperature,
    top_p: request.top_p ?? assistant.top_p,
    reasoning_effort: request.reasoning_effort ?? assistant.reasoning_effort,
    max_completion_tokens: request.max_completion_tokens ?? null,
    max_prompt_tokens: request.max_prompt_tokens ?? null,
    truncation_strategy: request.truncation_strategy ?? { type: 'auto', last_messages: null },
    response_format: request.response_format
      ? expandResponseFormat(request.response_format)
      : assistant.response_format,
    tool_choice: request.tool_choice ?? 'auto',
    parallel_tool_calls: request.parallel_tool_calls,
    resources: { ...assistant.tool_resources, ...request.tool_resources },
    include_search_content: options.include_search_content,
  }
  checkTools(settings)
  if (context.modelBehind(settings.model) === undefined) throw errors.requestedModelNotFound(settings.model)
  return settings
}

function effectiveInstructions(assistant: StoredAssistant, request: Overrides): string | null {
  const { additional_instructions } = request
  const instructions = request.instructions ?? assistant.instructions
  if (!additional_instructions) return instructions
  return instructions ? `${instructions}\n${additional_instructions}` : additional_instructions
}

/** The row of a run that is queued. */
export function newRunRow(
  context: Pick<Context, 'runExpiresSeconds'>,
  parts: {
    project: string
    thread_id: string
    run_id: string
    request: Pick<CreateRunRequest, 'assistant_id' | 'metadata'>
    settings: RunSettings
    now: number
  },
): RunRow {
  const { project, thread_id, run_id, request, settings, now } = parts
  const deadline = now + context.runExpiresSeconds
  return {
    id: run_id,
    project,
    thread_id,
    assistant_id: request.assistant_id,
    status: 'queued',
    created_at: now,
    started_at: null,
    expires_at: deadline,
    deadline,
    cancelled_at: null,
    failed_at: null,
    completed_at: null,
    required_action: null,
    last_error: null,
    incomplete_details: null,
    usage: null,
    metadata: request.metadata ?? {},
    settings,
    event_count: 0,
    revision: 0,
    writes: 0,
    written: 0,
    lease_owner: null,
    attempt: 0,
    recoveries: 0,
    losses: 0,
    trace: [],
  }
}
