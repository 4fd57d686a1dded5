/** The body of a Chat Completions request, fitted to what the server and the model understand. */
import { refusesSampling } from '../model-facts.ts'
import type { ChatMessage, ChatRequest, ChatToolCall } from '../port.ts'
import { extrasOfCall, extrasOfMessage } from './extras.ts'
import type { OpenAiProviderSettings } from '../settings.ts'

/** What one provider wants said differently. */
export interface RequestStyle {
  maxTokensField: 'max_tokens' | 'max_completion_tokens' | undefined
  streamUsage: boolean
  sendSampling: boolean | undefined
  knowsNewField: boolean
  keepsBrokenArguments: boolean
}

export function requestStyle(settings: OpenAiProviderSettings): RequestStyle {
  const { hostname } = new URL(settings.base_url)
  const isOpenAi = /(^|\.)openai\.com$|\.azure\.com$/.test(hostname)
  return {
    maxTokensField: settings.max_tokens_field,
    streamUsage: settings.stream_usage ?? true,
    sendSampling: settings.send_sampling,
    knowsNewField: isOpenAi || /(^|\.)openrouter\.ai$/.test(hostname),
    keepsBrokenArguments: isOpenAi,
  }
}

/** Whether temperature and top_p of a request reach this model. */
export function sendsSampling(style: RequestStyle, model: string): boolean {
  return style.sendSampling ?? !refusesSampling(model)
}

/** The JSON text of a streamed request. Fields that are absent stay absent. */
export function requestBody(request: ChatRequest, style: RequestStyle): string {
  const { model, messages, temperature, top_p, max_completion_tokens, ...rest } = request
  const hasTools = (request.tools?.length ?? 0) > 0
  const sampling = sendsSampling(style, model) ? { temperature, top_p } : {}
  const body: Record<string, unknown> = {
    model,
    messages: messages.map((message) => fitMessage(message, style)),
    ...rest,
    ...sampling,
    stream: true,
  }
  // Servers refuse these three, an empty list included, when there are no tools.
  if (!hasTools) {
    delete body.tools
    delete body.tool_choice
    delete body.parallel_tool_calls
  }
  if (max_completion_tokens !== undefined) body[limitField(style, model)] = max_completion_tokens
  if (style.streamUsage) body.stream_options = { include_usage: true }
  return JSON.stringify(body)
}

function limitField(style: RequestStyle, model: string): string {
  if (style.maxTokensField !== undefined) return style.maxTokensField
  return style.knowsNewField || refusesSampling(model) ? 'max_completion_tokens' : 'max_tokens'
}

function fitMessage(message: ChatMessage, style: RequestStyle): object {
  if (message.role !== 'assistant') return message
  const { role, content, tool_calls: calls = [] } = message
  const extras = extrasOfMessage(message.extras)
  // Many servers refuse null without calls; OpenAI refuses an empty list of calls.
  if (calls.length === 0) return { role, content: content ?? '', ...extras }
  return { role, content, tool_calls: calls.map((call) => fitCall(call, style)), ...extras }
}

/**
 * Arguments in the history go back as the model wrote them. Text that is no JSON object is the exception: OpenAI
 * takes it, but templates of vLLM, llama.cpp and Ollama parse it and refuse the whole conversation.
 */
function fitCall({ id, type, function: called, extras }: ChatToolCall, style: RequestStyle): object {
  const fitted = { name: called.name, arguments: fitArguments(called.arguments, style) }
  return { id, type, function: fitted, ...extrasOfCall(extras) }
}

function fitArguments(text: string, style: RequestStyle): string {
  if (text.trim() === '') return '{}'
  if (style.keepsBrokenArguments || isJsonObject(text)) return text
  return JSON.stringify({ invalid_json: text })
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
