/** The port for language models. The tests in test/contracts/chat-model.ts run against each driver. */

/** Opaque JSON text that a provider needs back with its turn, such as signatures. No other provider and no client gets it. */
export type Extras = string
/** `origin` is one of `ResolvedModel.origins`. A driver receives only its own extras, without the origin. */
export type OwnedExtras = { extras?: Extras; origin?: string }

/** Messages in the form of Chat Completions; `content` of system and tool messages is always a string. */
export type ChatMessage =
  | { role: 'system'; content: string }
  | { role: 'user'; content: string | ChatContentPart[] }
  | ({ role: 'assistant'; content: string | null; tool_calls?: ChatToolCall[] } & OwnedExtras)
  | { role: 'tool'; tool_call_id: string; content: string }

export type ChatContentPart =
  | { type: 'text'; text: string }
  /** `url` is http(s) or a data URL. */
  | { type: 'image_url'; image_url: { url: string; detail?: 'auto' | 'low' | 'high' } }

/** `arguments` is the text that the model wrote; it may be invalid JSON. */
export interface ChatToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
  extras?: Extras
}

export interface ChatTool {
  type: 'function'
  function: { name: string; description?: string; parameters: object; strict?: boolean }
}
export type ChatToolChoice = 'none' | 'auto' | 'required' | { type: 'function'; function: { name: string } }

export type ChatResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | { type: 'json_schema'; json_schema: ChatJsonSchema }
export type ChatJsonSchema = { name: string; description?: string; schema?: object; strict?: boolean }

/** The request of one model turn. Absent fields are left out of the upstream request. */
export interface ChatRequest {
  /** The provider's own name of the model. */
  model: string
  messages: ChatMessage[]
  tools?: ChatTool[]
  tool_choice?: ChatToolChoice
  parallel_tool_calls?: boolean
  response_format?: ChatResponseFormat
  temperature?: number
  top_p?: number
  reasoning_effort?: string
  max_completion_tokens?: number
}

/** Token counts of the provider, or of the driver when the provider reports none. */
export interface ModelUsage {
  prompt_tokens: number
  completion_tokens: number
  cached_tokens: number
  reasoning_tokens: number
}
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

/**
 * A part of an answer, in order. Tool calls are numbered 0, 1, 2 … in the order of their starts; each `tool-call-delta`
 * follows the start of its call; the last part is `end`, and no other part is.
 */
export type ModelPart =
  | { type: 'text-delta'; text: string }
  | { type: 'refusal-delta'; text: string }
  /** `id` is never empty, and unique within a turn. */
  | { type: 'tool-call-start'; index: number; id: string; name: string }
  | { type: 'tool-call-delta'; index: number; arguments: string }
  /** For the run's trace, such as a field that the server refused. */
  | { type: 'note'; kind: string; details: Record<string, unknown> }
  /** `origin` is set when a candidate of the route other than the first answered. */
  | { type: 'end'; finish_reason: FinishReason; usage: ModelUsage; extras?: TurnExtras; origin?: string }

/** The extras of one answer: those of the whole answer, and those of each call by its index. */
export type TurnExtras = { message?: Extras | undefined; calls?: (Extras | undefined)[] }

export interface ChatModel {
  /**
   * Yields the parts as they arrive. Retries before the first part only. On abort, throws the signal's reason within
   * milliseconds and closes the call. Any other failure, also an incomplete answer, is a `ModelFailure`.
   */
  stream(request: ChatRequest, signal: AbortSignal): AsyncIterable<ModelPart>
}

export type ModelFailureCode = 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt'

/** A failed model call; it becomes the run's `last_error`. `message` is shown to the user and has no keys or addresses. */
export class ModelFailure extends Error {
  override readonly name = 'ModelFailure'
  readonly code: ModelFailureCode
  constructor(code: ModelFailureCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
