/** The port for language models. A driver passes the suite in test/contracts/chat-model.ts. */
/** Opaque JSON text that a provider wants back with its turn: signatures, reasoning. No other provider and no client gets it. */
export type Extras = string
/** `origin` is as `ResolvedModel` names it. A driver gets its own extras only, and no origin. */
export type OwnedExtras = { extras?: Extras; origin?: string }

/** Messages in the form of Chat Completions; `content` of system and tool messages is always a string. */
export type ChatMessage =
  | { role: 'system'; content: string }
  | { role: 'user'; content: string | ChatContentPart[] }
  | ({ role: 'assistant'; content: string | null; tool_calls?: ChatToolCall[] } & OwnedExtras)
  | { role: 'tool'; tool_call_id: string; content: string }

export type ChatContentPart =
  | { type: 'text'; text: string }
  /** `url` is http(s) or a data URL; a driver that cannot pass URLs on downloads it. */
  | { type: 'image_url'; image_url: { url: string; detail?: 'auto' | 'low' | 'high' } }

/** `arguments` is the model's own text and may be broken JSON. */
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

/** One model turn. A field that is absent is left out of the upstream request. */
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

/** Tokens as the provider counted them, or as the driver did when the provider said nothing. */
export interface ModelUsage {
  prompt_tokens: number
  completion_tokens: number
  cached_tokens: number
  reasoning_tokens: number
}
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

/**
 * What a model says, in order. Tool calls are numbered 0, 1, 2 … in the order they began; every `tool-call-delta`
 * follows the start of its call; `end` comes exactly once and last.
 */
export type ModelPart =
  | { type: 'text-delta'; text: string }
  | { type: 'refusal-delta'; text: string }
  /** `id` is never empty and never repeats within a turn. */
  | { type: 'tool-call-start'; index: number; id: string; name: string }
  | { type: 'tool-call-delta'; index: number; arguments: string }
  /** For the run's trace, such as a field that the server refused. */
  | { type: 'note'; kind: string; details: Record<string, unknown> }
  /** `origin` is set when another candidate of a route answered than the first. */
  | { type: 'end'; finish_reason: FinishReason; usage: ModelUsage; extras?: TurnExtras; origin?: string }

/** The extras of one answer: of the answer as a whole, and of its calls by their index. */
export type TurnExtras = { message?: Extras | undefined; calls?: (Extras | undefined)[] }

export interface ChatModel {
  /**
   * Yields the parts as they arrive. Retries, but never after the first part. On abort it throws the signal's reason
   * within milliseconds and closes the call. Any other failure, an answer cut short included, is a `ModelFailure`.
   */
  stream(request: ChatRequest, signal: AbortSignal): AsyncIterable<ModelPart>
}

export type ModelFailureCode = 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt'

/** A model call that failed; becomes the run's `last_error`. `message` is shown to the user: no keys, no addresses. */
export class ModelFailure extends Error {
  override readonly name = 'ModelFailure'
  readonly code: ModelFailureCode
  constructor(code: ModelFailureCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
