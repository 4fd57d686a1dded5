/** The body of a Chat Completions request, as most servers understand it. */
import { needsNewLimitField } from '../model-facts.ts'
import type { ChatMessage, ChatRequest, ChatTool, ChatToolCall } from '../port.ts'
import type { OpenAiProviderSettings } from '../settings.ts'
import { extrasOfCall, extrasOfMessage } from './extras.ts'
import { isObject } from '../../util/is-object.ts'
import { parseJson } from '../../util/parse-json.ts'

/** Differences between providers. */
export interface RequestStyle {
  maxTokensField: 'max_tokens' | 'max_completion_tokens' | undefined
  knowsNewLimitField: boolean
  keepsBrokenArguments: boolean
  toolChoiceNone: 'obeyed' | 'unknown' | 'ignored'
}

export type RequestBody = Record<string, unknown>

export function requestStyle(settings: OpenAiProviderSettings): RequestStyle {
  const { hostname, port } = new URL(settings.base_url)
  const isOpenAi = /(^|\.)openai\.com$|\.azure\.com$/.test(hostname)
  const isOllama = port === '11434'
  return {
    maxTokensField: settings.max_tokens_field,
    knowsNewLimitField: isOpenAi || /(^|\.)openrouter\.ai$/.test(hostname),
    keepsBrokenArguments: isOpenAi,
    toolChoiceNone: isOpenAi ? 'obeyed' : isOllama ? 'ignored' : 'unknown',
  }
}

/** The body of a streamed request. Fields that `request` does not have are left out. */
export function requestBody(request: ChatRequest, style: RequestStyle): RequestBody {
  const { model, messages, tools = [], tool_choice, parallel_tool_calls, max_completion_tokens } = request
  const { response_format, temperature, top_p, reasoning_effort } = request
  const body: RequestBody = { model, messages: messages.map((message) => fitMessage(message, style)) }
  // Servers refuse these three, an empty list included, when there are no tools.
  if (tools.length > 0 && !leavesToolsOut(request, style)) {
    body.tools = tools.map(fitTool)
    if (tool_choice !== undefined) body.tool_choice = tool_choice
    if (parallel_tool_calls !== undefined) body.parallel_tool_calls = parallel_tool_calls
  }
  if (response_format !== undefined) body.response_format = response_format
  if (temperature !== undefined) body.temperature = temperature
  if (top_p !== undefined) body.top_p = top_p
  if (reasoning_effort !== undefined) body.reasoning_effort = reasoning_effort
  if (max_completion_tokens !== undefined) body[limitField(style, model)] = max_completion_tokens
  return { ...body, stream: true, stream_options: { include_usage: true } }
}

/**
 * With `tool_choice: "none"` tools are left out where the server ignores it, or may ignore it. Servers that may ignore
 * it keep the tools when the conversation has calls, because some require them then.
 */
function leavesToolsOut({ tool_choice, messages }: ChatRequest, { toolChoiceNone }: RequestStyle): boolean {
  if (tool_choice !== 'none' || toolChoiceNone === 'obeyed') return false
  const hasCalls = messages.some((message) => message.role === 'assistant' && message.tool_calls?.length)
  return toolChoiceNone === 'ignored' || !hasCalls
}

function limitField(style: RequestStyle, model: string): string {
  if (style.maxTokensField !== undefined) return style.maxTokensField
  return style.knowsNewLimitField || needsNewLimitField(model) ? 'max_completion_tokens' : 'max_tokens'
}

/** Leaves out `strict: false`, which is the default of all servers. */
function fitTool({ type, function: { strict, ...rest } }: ChatTool): object {
  return { type, function: { ...rest, ...(strict && { strict }) } }
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
 * Arguments in the history are sent as the model wrote them. Text that is not a JSON object is the exception: OpenAI
 * accepts it, but vLLM, llama.cpp and Ollama parse it and refuse the whole conversation.
 */
function fitCall({ id, type, function: called, extras }: ChatToolCall, style: RequestStyle): object {
  const fitted = { name: called.name, arguments: fitArguments(called.arguments, style) }
  return { id, type, function: fitted, ...extrasOfCall(extras) }
}

function fitArguments(text: string, style: RequestStyle): string {
  if (text.trim() === '') return '{}'
  if (style.keepsBrokenArguments || isObject(parseJson(text))) return text
  return JSON.stringify({ invalid_json: text })
}
