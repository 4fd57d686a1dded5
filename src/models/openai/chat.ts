/** One streamed answer: sends the request, changes what the server refuses, and yields the parts. */
import type { ChatRequest, ModelPart, ModelUsage } from '../port.ts'
import { countTokens } from '../../util/count-tokens.ts'
import { countPromptTokens } from '../count-tokens.ts'
import { longestWhole } from '../limits.ts'
import { adapt, describeAdaptation, type Adaptation } from './adaptations.ts'
import { AnswerReader, readText } from './answer-reader.ts'
import { OpenAiAnswer, type AnswerEnd } from './answer.ts'
import { brokenAnswer, UpstreamFailure } from './failure.ts'
import { readRefusal } from './refusals.ts'
import { requestBody } from './request.ts'
import { call, parse, withRetries, type Upstream } from './upstream.ts'

/** How often one request is changed after a refusal. */
const mostRefusals = 8
/** For how many models changes are remembered. The names come from users, so there must be a limit. */
const mostRemembered = 1_000

type End = Extract<ModelPart, { type: 'end' }>
type Note = Extract<ModelPart, { type: 'note' }>

export async function* streamChat(
  upstream: Upstream,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelPart> {
  const { answer, made, retries } = await beginAdapted(upstream, request, signal)
  try {
    yield* retries
    if (made.length > 0)
      yield { type: 'note', kind: 'request_adapted', details: { changes: made.map(describeAdaptation) } }
    if (made.some(({ kind }) => kind === 'ask_in_two_steps')) {
      yield* inTwoSteps(upstream, request, { answer, signal })
      return
    }
    for (let batch = answer.first; batch !== undefined; batch = await answer.next()) {
      for (const part of batch) {
        signal.throwIfAborted()
        yield part
      }
    }
    yield await endOf(request, answer, signal)
  } finally {
    answer.close()
  }
}

async function endOf(request: ChatRequest, answer: BegunAnswer, signal: AbortSignal): Promise<End> {
  const { finish_reason, usage, extras, output } = answer.end()
  const counted = usage ?? (await countUsage(request, output))
  signal.throwIfAborted()
  return { type: 'end', finish_reason, usage: counted, ...(extras && { extras }) }
}

/**
 * The first request had the tools and no response format. Calls are passed on. A text does not have the requested
 * format, so a second request is sent without the tools and with the format.
 */
async function* inTwoSteps(
  upstream: Upstream,
  request: ChatRequest,
  { answer, signal }: { answer: BegunAnswer; signal: AbortSignal },
): AsyncGenerator<ModelPart> {
  const held: ModelPart[] = []
  let hasCalls = false
  for (let batch = answer.first; batch !== undefined; batch = await answer.next()) {
    hasCalls ||= batch.some(({ type }) => type === 'tool-call-start')
    held.push(...batch)
    if (hasCalls) yield* held.splice(0)
    signal.throwIfAborted()
  }
  const first = await endOf(request, answer, signal)
  if (first.finish_reason !== 'stop') {
    yield* held
    yield first
    return
  }
  const {
    tools: _,
    tool_choice: __,
    parallel_tool_calls: ___,
    max_completion_tokens: limit,
    ...rest
  } = request
  const left =
    limit === undefined ? {} : { max_completion_tokens: Math.max(1, limit - first.usage.completion_tokens) }
  for await (const part of streamChat(upstream, { ...rest, ...left }, signal)) {
    yield part.type === 'end' ? { ...part, usage: sumUsage(first.usage, part.usage) } : part
  }
}

function sumUsage(one: ModelUsage, other: ModelUsage): ModelUsage {
  return {
    prompt_tokens: one.prompt_tokens + other.prompt_tokens,
    completion_tokens: one.completion_tokens + other.completion_tokens,
    cached_tokens: one.cached_tokens + other.cached_tokens,
    reasoning_tokens: one.reasoning_tokens + other.reasoning_tokens,
  }
}

/** Sends the request with the changes that are remembered for the model, and adds changes after each refusal. */
async function beginAdapted(
  upstream: Upstream,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<{ answer: BegunAnswer; made: Adaptation[]; retries: Note[] }> {
  const plain = requestBody(request, upstream.style)
  const known = upstream.adaptations.get(request.model) ?? []
  let applied = known
  const retries: Note[] = []
  const onRetry = (failure: UpstreamFailure) => retries.push(retryNote(failure))
  for (let refusals = 0; ; refusals += 1) {
    const { body, made } = adapt(plain, applied)
    try {
      const text = JSON.stringify(body)
      const answer = await withRetries(upstream, signal, () => begin(upstream, text, signal), onRetry)
      if (applied !== known) remember(upstream, request.model, applied)
      return { answer, made, retries }
    } catch (error) {
      const refusal = error instanceof UpstreamFailure ? error.refusal : undefined
      const more =
        refusal === undefined || refusals === mostRefusals ? [] : readRefusal(refusal, body, applied)
      if (more.length === 0) throw error
      applied = [...applied, ...more]
    }
  }
}

function retryNote({ cause, message }: UpstreamFailure): Note {
  const reason = cause instanceof Error ? cause.message : message
  return {
    type: 'note',
    kind: 'request_repeated',
    details: { at_ms: Date.now(), reason: reason.slice(0, 500) },
  }
}

function remember(upstream: Upstream, model: string, applied: readonly Adaptation[]): void {
  const { adaptations, name, log } = upstream
  if (adaptations.size >= mostRemembered) adaptations.clear()
  adaptations.set(model, applied)
  const changes = applied.map(describeAdaptation)
  log('warn', 'a model provider refused parts of a request; later requests change them', {
    provider: name,
    model,
    changes,
  })
}

interface BegunAnswer {
  first: ModelPart[] | undefined
  next(): Promise<ModelPart[] | undefined>
  end(): AnswerEnd
  close(): void
}

/** One attempt, up to its first part. Failures until then may be retried. */
async function begin(upstream: Upstream, body: string, signal: AbortSignal): Promise<BegunAnswer> {
  const response = await call(upstream, { method: 'POST', path: '/chat/completions', body }, signal)
  const answer = new OpenAiAnswer(upstream.redact)
  if (/\bjson\b/.test(response.headers['content-type'] ?? '')) {
    const parts: ModelPart[] = []
    answer.takeChunk(parse(await readText(response, longestWhole, signal)), parts)
    answer.end()
    return { first: parts, next: async () => undefined, end: () => answer.end(), close: () => {} }
  }
  const reader = new AnswerReader(response, { answer, batches: upstream.batches, signal })
  try {
    const first = await reader.next()
    // An empty stream is a fault of the server: a model without output still has a finish_reason.
    if (first === undefined && !answer.isFinished) throw brokenAnswer('an empty stream', { mayRetry: true })
    return { first, next: () => reader.next(), end: () => answer.end(), close: () => reader.close() }
  } catch (error) {
    reader.close()
    throw error
  }
}

async function countUsage(request: ChatRequest, output: string): Promise<ModelUsage> {
  return {
    prompt_tokens: await countPromptTokens(request),
    completion_tokens: await countTokens(output),
    cached_tokens: 0,
    reasoning_tokens: 0,
  }
}
