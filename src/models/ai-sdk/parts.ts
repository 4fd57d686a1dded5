/** Converts the stream of the AI SDK to parts of our port. */
import type {
  LanguageModelV3FinishReason,
  LanguageModelV3StreamPart,
  LanguageModelV3Usage,
  SharedV3ProviderMetadata,
} from '@ai-sdk/provider'
import { longestAnswer, mostCalls } from '../limits.ts'
import { brokenAnswer } from '../openai/failure.ts'
import type { FinishReason, ModelPart, ModelUsage } from '../port.ts'
import { packCall, packTurn, type KeptReasoning, type KeptTurn } from './extras.ts'

interface OpenCall {
  index: number
  /** Whether a part of the arguments has been sent on. */
  hasArguments: boolean
  metadata: SharedV3ProviderMetadata | undefined
}

interface Reading {
  calls: Map<string, OpenCall>
  reasoning: Map<string, KeptReasoning>
  turn: KeptTurn
  /** Characters so far, see `lengthOf`. */
  length: number
  toError: (error: unknown) => Error
}

/** Ends with exactly one `end`, or throws. `toError` converts an error inside the stream. */
export async function* toParts(
  stream: AsyncIterable<LanguageModelV3StreamPart>,
  toError: (error: unknown) => Error,
): AsyncGenerator<ModelPart> {
  const reading: Reading = { calls: new Map(), reasoning: new Map(), turn: {}, length: 0, toError }
  for await (const part of stream) {
    reading.length += lengthOf(part)
    if (reading.length > longestAnswer) throw brokenAnswer('an answer without end')
    yield* readPart(part, reading)
    if (part.type === 'finish') {
      yield endOf(part, reading)
      return
    }
  }
  throw brokenAnswer('a stream that ended without its finish', { mayRetry: true })
}

function* readPart(part: LanguageModelV3StreamPart, reading: Reading): Generator<ModelPart> {
  const { calls, reasoning, turn } = reading
  switch (part.type) {
    case 'error':
      throw reading.toError(part.error)
    case 'text-delta':
      if (part.delta !== '') yield { type: 'text-delta', text: part.delta }
      if (part.providerMetadata) turn.text = part.providerMetadata
      return
    case 'text-end':
      if (part.providerMetadata) turn.text = part.providerMetadata
      return
    case 'reasoning-start':
      reasoning.set(part.id, { text: '', metadata: part.providerMetadata })
      return
    case 'reasoning-delta':
    case 'reasoning-end': {
      const kept = reasoning.get(part.id) ?? { text: '' }
      if (part.type === 'reasoning-delta') kept.text += part.delta
      if (part.providerMetadata) kept.metadata = { ...kept.metadata, ...part.providerMetadata }
      reasoning.set(part.id, kept)
      return
    }
    case 'tool-input-start':
      yield* begin(part.id, part.toolName, reading)
      return
    case 'tool-input-delta': {
      const call = calls.get(part.id)
      if (call && part.delta !== '') yield* addArguments(call, part.delta)
      return
    }
    case 'tool-call': {
      const call = calls.get(part.toolCallId) ?? (yield* begin(part.toolCallId, part.toolName, reading))
      call.metadata = part.providerMetadata
      // Some providers send the arguments in one piece.
      if (!call.hasArguments) yield* addArguments(call, part.input === '' ? '{}' : part.input)
      return
    }
    default:
  }
}

/** The characters of a part. Parts without text count as well: something of most of them is kept until the end. */
function lengthOf(part: LanguageModelV3StreamPart): number {
  const fixed = 64
  if (part.type === 'tool-call') return fixed + part.input.length
  const written = 'delta' in part ? part.delta.length : 0
  const metadata = 'providerMetadata' in part ? part.providerMetadata : undefined
  return fixed + written + (metadata === undefined ? 0 : JSON.stringify(metadata).length)
}

function* begin(id: string, name: string, { calls }: Reading): Generator<ModelPart, OpenCall> {
  if (calls.size >= mostCalls) throw brokenAnswer(`more than ${mostCalls} tool calls`)
  const call: OpenCall = { index: calls.size, hasArguments: false, metadata: undefined }
  calls.set(id, call)
  yield { type: 'tool-call-start', index: call.index, id, name }
  return call
}

function* addArguments(call: OpenCall, text: string): Generator<ModelPart> {
  call.hasArguments = true
  yield { type: 'tool-call-delta', index: call.index, arguments: text }
}

function endOf(
  { finishReason, usage }: Extract<LanguageModelV3StreamPart, { type: 'finish' }>,
  { calls, reasoning, turn }: Reading,
): ModelPart {
  const message = packTurn({ ...turn, reasoning: [...reasoning.values()] })
  const ofCalls = Array.from(calls.values(), ({ metadata }) => packCall(metadata))
  const hasExtras = message !== undefined || ofCalls.some((extras) => extras !== undefined)
  return {
    type: 'end',
    finish_reason: finishOf(finishReason, calls.size > 0),
    usage: usageOf(usage),
    ...(hasExtras && { extras: { message, calls: ofCalls } }),
  }
}

function finishOf({ unified, raw }: LanguageModelV3FinishReason, hasCalls: boolean): FinishReason {
  // What packages report when the stream ended and the provider had named no reason.
  if (unified === 'other' && raw === undefined) {
    throw brokenAnswer('the answer ended without a finish reason', { mayRetry: true })
  }
  switch (unified) {
    case 'length':
      return 'length'
    case 'content-filter':
      return 'content_filter'
    case 'error':
      throw brokenAnswer(`an answer that ended with ${raw ?? 'an error'}`)
    default:
      return hasCalls ? 'tool_calls' : 'stop'
  }
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV3Usage): ModelUsage {
  return {
    prompt_tokens: inputTokens.total ?? 0,
    completion_tokens: outputTokens.total ?? 0,
    cached_tokens: inputTokens.cacheRead ?? 0,
    reasoning_tokens: outputTokens.reasoning ?? 0,
  }
}
