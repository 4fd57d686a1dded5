/**
 * Shortens a request to a model so that the trace of the run can store it: the beginnings of its texts, no image data,
 * and no extra data of the provider.
 */
import type { ChatRequest } from '../models/port.ts'

/** The most JSON characters of a stored request. */
const mostCharacters = 256 * 1024
/** Limits of single texts, tried one after another until the request is small enough. */
const textLimits = [64 * 1024, 8 * 1024, 1024, 100]
/** Messages that are kept when even short texts are too many: the first and the last. */
const keptMessages = 100

export interface CutRequest {
  request: Record<string, unknown>
  is_cut: boolean
}

export function cutRequest(sent: ChatRequest): CutRequest {
  const request = { ...sent, messages: sent.messages.map(withoutExtras) }
  for (const limit of textLimits) {
    const cut = cutTexts(request, limit)
    if (JSON.stringify(cut.value).length <= mostCharacters) return asRequest(cut)
  }
  const { messages } = request
  const last = textLimits.at(-1) ?? 0
  if (messages.length <= keptMessages) {
    return { ...asRequest(cutTexts({ ...request, tools: undefined }, last)), is_cut: true }
  }
  const kept = [...messages.slice(0, keptMessages / 2), ...messages.slice(-keptMessages / 2)]
  return { ...asRequest(cutTexts({ ...request, messages: kept, tools: undefined }, last)), is_cut: true }
}

/** Signatures and reasoning are for their provider only. */
function withoutExtras(message: ChatRequest['messages'][number]): object {
  if (message.role !== 'assistant') return message
  const { extras: _, tool_calls, ...shown } = message
  const calls = tool_calls?.map(({ extras: _own, ...call }) => call)
  return { ...shown, ...(calls && { tool_calls: calls }) }
}

interface Cut {
  value: unknown
  is_cut: boolean
}

function asRequest({ value, is_cut }: Cut): CutRequest {
  return { request: value as Record<string, unknown>, is_cut }
}

function cutTexts(value: unknown, limit: number): Cut {
  if (typeof value === 'string') return cutText(value, limit)
  if (typeof value !== 'object' || value === null) return { value, is_cut: false }
  let is_cut = false
  const each = (one: unknown) => {
    const cut = cutTexts(one, limit)
    is_cut ||= cut.is_cut
    return cut.value
  }
  const made = Array.isArray(value)
    ? value.map(each)
    : Object.fromEntries(Object.entries(value).map(([key, one]) => [key, each(one)]))
  return { value: made, is_cut }
}

function cutText(text: string, limit: number): Cut {
  const [, type] = /^data:([\w.+-]+\/[\w.+-]+);base64,/.exec(text) ?? []
  if (type !== undefined) return { value: `data:${type} (${text.length} characters)`, is_cut: false }
  if (text.length <= limit) return { value: text, is_cut: false }
  const beginning = text.slice(0, limit).replace(/[\ud800-\udbff]$/, '')
  return { value: `${beginning}… (${text.length} characters)`, is_cut: true }
}
