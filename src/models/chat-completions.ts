/** Answers Chat Completions requests with a model that is not a server: the demo model or a local file. */
import { Readable } from 'node:stream'
import { errors } from '../api/errors.ts'
import { nowSeconds, systemClock } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { firstPart } from './first-part.ts'
import { asRecord } from './openai/failure.ts'
import type { UpstreamAnswer } from './openai/openai-model.ts'
import { ModelFailure, type ChatModel, type ModelPart, type ModelUsage } from './port.ts'
import { readChatRequest } from './read-chat-request.ts'

const statuses = { server_error: 500, rate_limit_exceeded: 429, invalid_prompt: 400 } as const

/**
 * Answers the body of POST /chat/completions, streamed or whole. Throws an error of the catalogue for fields that the
 * port does not have. A `ModelFailure` before the first part becomes an answer with its status.
 */
export async function completeChat(
  chat: ChatModel,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  const request = readChatRequest(body)
  const head = { id: newId('completion'), created: nowSeconds(systemClock), model: request.model }
  try {
    // Before the first part of the answer, a failure can still set the HTTP status.
    const parts = await firstPart(chat.stream(request, signal))
    if (body.stream === true) {
      const withUsage = asRecord(body.stream_options)?.include_usage === true
      const frames = chunks(parts, head, withUsage)
      return answer(200, 'text/event-stream', Readable.from(frames, { objectMode: false }))
    }
    return json(200, await whole(parts, head))
  } catch (error) {
    if (error instanceof ModelFailure) return json(statuses[error.code], { error: wireError(error) })
    throw error
  }
}

/** The answer of a model without embeddings to POST /embeddings. */
export async function refuseEmbeddings(): Promise<never> {
  throw errors.notSupportedYet('model', 'Making embeddings without a model provider')
}

interface Head {
  id: string
  created: number
  model: string
}

async function* chunks(
  parts: AsyncIterable<ModelPart>,
  head: Head,
  withUsage: boolean,
): AsyncGenerator<string> {
  const { id, created, model } = head
  const chunk = (choices: object[], usage?: object | null) =>
    frame({
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      choices,
      ...(withUsage && { usage: usage ?? null }),
    })
  const delta = (content: object, finish_reason: string | null = null) =>
    chunk([{ index: 0, delta: content, logprobs: null, finish_reason }])
  yield delta({ role: 'assistant', content: '', refusal: null })
  try {
    for await (const part of parts) {
      if (part.type === 'note') continue
      if (part.type !== 'end') {
        yield delta(deltaOf(part))
        continue
      }
      yield delta({}, part.finish_reason)
      if (withUsage) yield chunk([], wireUsage(part.usage))
    }
  } catch (error) {
    if (!(error instanceof ModelFailure)) throw error
    yield frame({ error: wireError(error) })
  }
  yield 'data: [DONE]\n\n'
}

function deltaOf(part: Exclude<ModelPart, { type: 'end' | 'note' }>): object {
  switch (part.type) {
    case 'text-delta':
      return { content: part.text }
    case 'refusal-delta':
      return { refusal: part.text }
    case 'tool-call-start': {
      const { index, id, name } = part
      return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }
    }
    case 'tool-call-delta':
      return { tool_calls: [{ index: part.index, function: { arguments: part.arguments } }] }
  }
}

async function whole(parts: AsyncIterable<ModelPart>, { id, created, model }: Head): Promise<object> {
  const texts = { content: '', refusal: '' }
  const calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[] = []
  let end: Extract<ModelPart, { type: 'end' }> | undefined
  for await (const part of parts) {
    if (part.type === 'text-delta') texts.content += part.text
    if (part.type === 'refusal-delta') texts.refusal += part.text
    if (part.type === 'tool-call-start') {
      calls.push({ id: part.id, type: 'function', function: { name: part.name, arguments: '' } })
    }
    const call = part.type === 'tool-call-delta' ? calls[part.index] : undefined
    if (part.type === 'tool-call-delta' && call !== undefined) call.function.arguments += part.arguments
    if (part.type === 'end') end = part
  }
  if (end === undefined) throw new Error('expected the model to end its answer')
  const message = {
    role: 'assistant',
    content: texts.content === '' && (calls.length > 0 || texts.refusal !== '') ? null : texts.content,
    refusal: texts.refusal === '' ? null : texts.refusal,
    annotations: [],
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: end.finish_reason }]
  return { id, object: 'chat.completion', created, model, choices, usage: wireUsage(end.usage) }
}

function wireUsage(usage: ModelUsage): object {
  return {
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    total_tokens: usage.prompt_tokens + usage.completion_tokens,
    prompt_tokens_details: { cached_tokens: usage.cached_tokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoning_tokens },
  }
}

function wireError({ code, message }: ModelFailure): object {
  const type = code === 'invalid_prompt' ? 'invalid_request_error' : code
  return { message, type, param: null, code }
}

function frame(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

function json(status: number, body: object): UpstreamAnswer {
  return answer(status, 'application/json', Readable.from([JSON.stringify(body)], { objectMode: false }))
}

function answer(status: number, type: string, body: Readable): UpstreamAnswer {
  return { status, headers: { 'content-type': type }, body }
}
