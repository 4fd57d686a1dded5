/** Settings of a run that replace those of its assistant. */
import type OpenAI from 'openai'
import type { Draft } from '../assistants/draft.ts'

export type RunBody = OpenAI.Beta.Threads.RunCreateParamsNonStreaming

export interface RunOptions {
  model: string
  instructions: string
  additional_instructions: string
  temperature: number | null
  top_p: number | null
  reasoning_effort: string | null
  truncation: 'auto' | 'last_messages'
  last_messages: number
  max_prompt_tokens: number | null
  max_completion_tokens: number | null
  /** auto, none, required, file_search, code_interpreter or `function:NAME` */
  tool_choice: string
  parallel_tool_calls: boolean
  /** undefined: the assistant's. */
  response_format: Draft['response_format'] | undefined
  metadata: Record<string, string>
}

export const noOptions: RunOptions = {
  model: '',
  instructions: '',
  additional_instructions: '',
  temperature: null,
  top_p: null,
  reasoning_effort: null,
  truncation: 'auto',
  last_messages: 10,
  max_prompt_tokens: null,
  max_completion_tokens: null,
  tool_choice: 'auto',
  parallel_tool_calls: true,
  response_format: undefined,
  metadata: {},
}

/** The part of a request that the options make; what is not set is left out. */
export function bodyOfOptions(options: RunOptions): Partial<RunBody> {
  const { truncation, last_messages, tool_choice, response_format, metadata } = options
  const texts = {
    model: options.model,
    instructions: options.instructions,
    additional_instructions: options.additional_instructions,
  }
  const numbers = {
    temperature: options.temperature,
    top_p: options.top_p,
    max_prompt_tokens: options.max_prompt_tokens,
    max_completion_tokens: options.max_completion_tokens,
    reasoning_effort: options.reasoning_effort,
  }
  return {
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== null)),
    ...(truncation === 'last_messages' && { truncation_strategy: { type: truncation, last_messages } }),
    ...(tool_choice !== 'auto' && { tool_choice: toolChoice(tool_choice) }),
    ...(!options.parallel_tool_calls && { parallel_tool_calls: false }),
    ...(response_format !== undefined && { response_format }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  }
}

function toolChoice(choice: string): OpenAI.Beta.Threads.AssistantToolChoiceOption {
  if (choice === 'none' || choice === 'required' || choice === 'auto') return choice
  if (choice === 'file_search' || choice === 'code_interpreter') return { type: choice }
  return { type: 'function', function: { name: choice.replace('function:', '') } }
}

export function countOptions(options: RunOptions): number {
  return Object.keys(bodyOfOptions(options)).length
}
