/** An assistant as it is edited. */
import type OpenAI from 'openai'
import type { Assistant, AssistantTool, FunctionTool, Metadata } from '../api/types.ts'

type Format = OpenAI.Beta.Threads.AssistantResponseFormatOption

export interface Draft {
  name: string
  description: string
  model: string
  instructions: string
  tools: AssistantTool[]
  code_files: string[]
  search_stores: string[]
  response_format: Format
  temperature: number | null
  top_p: number | null
  reasoning_effort: string | null
  metadata: Metadata
}

export function emptyDraft(model = ''): Draft {
  return {
    name: '',
    description: '',
    model,
    instructions: '',
    tools: [],
    code_files: [],
    search_stores: [],
    response_format: 'auto',
    temperature: null,
    top_p: null,
    reasoning_effort: null,
    metadata: {},
  }
}

export function draftOf(assistant: Assistant): Draft {
  return {
    name: assistant.name ?? '',
    description: assistant.description ?? '',
    model: assistant.model,
    instructions: assistant.instructions ?? '',
    tools: assistant.tools,
    code_files: assistant.tool_resources?.code_interpreter?.file_ids ?? [],
    search_stores: assistant.tool_resources?.file_search?.vector_store_ids ?? [],
    response_format: assistant.response_format ?? 'auto',
    temperature: assistant.temperature ?? null,
    top_p: assistant.top_p ?? null,
    reasoning_effort: (assistant as { reasoning_effort?: string | null }).reasoning_effort ?? null,
    metadata: (assistant.metadata ?? {}) as Metadata,
  }
}

/** The body of a request that makes or changes the assistant. */
export function bodyOf(draft: Draft): OpenAI.Beta.AssistantCreateParams {
  const { name, description, model, instructions, tools, response_format, temperature, top_p, metadata } =
    draft
  return {
    model,
    name: name === '' ? null : name,
    description: description === '' ? null : description,
    instructions: instructions === '' ? null : instructions,
    tools,
    tool_resources: {
      ...(hasTool(draft, 'code_interpreter') && { code_interpreter: { file_ids: draft.code_files } }),
      ...(hasTool(draft, 'file_search') && { file_search: { vector_store_ids: draft.search_stores } }),
    },
    response_format,
    metadata,
    ...(temperature !== null && { temperature }),
    ...(top_p !== null && { top_p }),
    reasoning_effort: draft.reasoning_effort as 'low' | null,
  }
}

export function hasTool(draft: Draft, type: AssistantTool['type']): boolean {
  return draft.tools.some((tool) => tool.type === type)
}

export function withTool(draft: Draft, type: 'code_interpreter' | 'file_search', isOn: boolean): Draft {
  const others = draft.tools.filter((tool) => tool.type !== type)
  return { ...draft, tools: isOn ? [...others, { type }] : others }
}

export function functionsOf(draft: Draft): FunctionTool[] {
  return draft.tools.filter((tool): tool is FunctionTool => tool.type === 'function')
}

export function withFunctions(draft: Draft, functions: FunctionTool[]): Draft {
  return { ...draft, tools: [...draft.tools.filter((tool) => tool.type !== 'function'), ...functions] }
}

export const exampleFunction: FunctionTool['function'] = {
  name: 'get_weather',
  description: 'Tells the weather in a city.',
  parameters: {
    type: 'object',
    properties: {
      city: { type: 'string', description: 'The city, in English' },
      unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
    },
    required: ['city'],
  },
}

export const exampleFormat = {
  name: 'answer',
  schema: {
    type: 'object',
    properties: { answer: { type: 'string' }, is_certain: { type: 'boolean' } },
    required: ['answer', 'is_certain'],
    additionalProperties: false,
  },
  strict: true,
}
