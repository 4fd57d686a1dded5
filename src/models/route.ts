/** A route: one model, or several that are tried in order until one begins to answer. */
import type { Log } from '../util/log.ts'
import { fitToFacts, nameAbility } from './abilities.ts'
import { countPromptTokens } from './count-tokens.ts'
import type { Health } from './health.ts'
import type { ModelFacts } from './model-facts.ts'
import { UpstreamFailure } from './openai/failure.ts'
import { ModelFailure, type ChatModel, type ChatRequest, type ModelPart } from './port.ts'

/** One model that a name leads to. */
export interface Candidate {
  provider: string
  /** The provider's own name of the model. */
  model: string
  /** The retired name that `model` replaces. */
  retired: string | undefined
  /** Whether the map gives the whole name; it is then never replaced. */
  isWritten: boolean
  /** Names the provider and its address. */
  origin: string
  chat: ChatModel
  facts: ModelFacts
  context_window: number
}

export interface RouteParts {
  health: Health
  log: Log
  /** The name to try when the provider answers that it has no such model. */
  livingName(candidate: Candidate): string | undefined
  /** Records that the provider accepted the new name. */
  remember(candidate: Candidate, living: string): void
}

type Note = Extract<ModelPart, { type: 'note' }>

/** A model that answers with the first candidate that begins to answer, and replaces `ChatRequest.model` by its name. */
export function routedModel(candidates: readonly Candidate[], parts: RouteParts): ChatModel {
  return { stream: (request, signal) => new Answer(candidates, parts, { request, signal }) }
}

/** Those that failed a short time ago come last. */
export function inOrder<One extends { provider: string }>(candidates: readonly One[], health: Health): One[] {
  return candidates.toSorted(
    (one, other) => Number(health.isAvoided(one.provider)) - Number(health.isAvoided(other.provider)),
  )
}

/** Whether another provider may answer where this one failed. */
export function isOutage(error: unknown): boolean {
  return error instanceof UpstreamFailure && error.trouble === 'outage'
}

/** The answer to one request: the notes of the route, then the parts of the candidate that answers. */
class Answer implements AsyncIterableIterator<ModelPart> {
  readonly #candidates: readonly Candidate[]
  readonly #route: RouteParts
  readonly #call: { request: ChatRequest; signal: AbortSignal }
  readonly #waiting: IteratorResult<ModelPart>[] = []
  #parts: AsyncIterator<ModelPart> | undefined
  /** The origin of the candidate that answers, where it is not that of the first. */
  #origin: string | undefined

  constructor(
    candidates: readonly Candidate[],
    route: RouteParts,
    call: { request: ChatRequest; signal: AbortSignal },
  ) {
    this.#candidates = candidates
    this.#route = route
    this.#call = call
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<ModelPart>> {
    const waiting = this.#waiting.shift()
    if (waiting) return Promise.resolve(waiting)
    if (!this.#parts) return this.#begin().then(() => this.next())
    const origin = this.#origin
    return origin === undefined
      ? this.#parts.next()
      : this.#parts.next().then((part) => withOrigin(part, origin))
  }

  async return(): Promise<IteratorResult<ModelPart>> {
    await this.#parts?.return?.()
    return { done: true, value: undefined }
  }

  async #begin(): Promise<void> {
    const { health, log } = this.#route
    const ordered = inOrder(this.#candidates, health)
    if (ordered[0] !== this.#candidates[0])
      this.#noteFallback(this.#candidates[0], ordered[0], 'it failed a short time ago')
    let failure: unknown
    for (const [index, candidate] of ordered.entries()) {
      try {
        await this.#try(candidate)
        return
      } catch (error) {
        failure ??= error
        const next = ordered[index + 1]
        // A later candidate that refuses the request may lack an ability of the first: the next one is tried.
        if (this.#call.signal.aborted || !next || (candidate === this.#candidates[0] && !isOutage(error)))
          break
        const reason = reasonOf(error)
        log('warn', 'a model provider failed and the next one of the route is asked', {
          failed: nameOf(candidate),
          next: nameOf(next),
          reason,
        })
        this.#noteFallback(candidate, next, reason)
      }
    }
    this.#parts = failing(failure)
  }

  async #try(candidate: Candidate): Promise<void> {
    const { request, signal } = this.#call
    const isFallback = candidate !== this.#candidates[0]
    if (isFallback && (await countPromptTokens(request)) > candidate.context_window) {
      throw new ModelFailure('invalid_prompt', `The prompt is too long for ${nameOf(candidate)}.`)
    }
    if (candidate.retired !== undefined) this.#noteReplaced(candidate.retired, candidate)
    try {
      await this.#start(candidate)
    } catch (error) {
      const isUnknown = error instanceof UpstreamFailure && error.trouble === 'unknown model'
      const living = isUnknown ? this.#route.livingName(candidate) : undefined
      if (living === undefined || signal.aborted) throw error
      await this.#startLiving(candidate, living, error)
    }
  }

  async #startLiving(candidate: Candidate, living: string, refusal: unknown): Promise<void> {
    const replaced = { ...candidate, model: living }
    const before = this.#waiting.length
    this.#noteReplaced(candidate.model, replaced)
    try {
      await this.#start(replaced)
    } catch (error) {
      this.#waiting.length = before
      const isUnknown = error instanceof UpstreamFailure && error.trouble === 'unknown model'
      throw isUnknown ? refusal : error
    }
    this.#route.remember(candidate, living)
  }

  /** Calls the candidate and waits for its first part. */
  async #start(candidate: Candidate): Promise<void> {
    const { signal } = this.#call
    const request = requestFor(candidate, this.#call.request)
    const fitted = fitToFacts(request, candidate)
    if (fitted.max_completion_tokens !== request.max_completion_tokens) {
      const { max_completion_tokens } = fitted
      this.#note('output_limited', { model: nameOf(candidate), max_completion_tokens })
    }
    const origin = candidate.origin === this.#candidates[0]?.origin ? undefined : candidate.origin
    const parts = candidate.chat.stream(fitted, signal)[Symbol.asyncIterator]()
    try {
      const first = await parts.next()
      this.#route.health.answered(candidate.provider)
      this.#waiting.push(origin === undefined ? first : withOrigin(first, origin))
    } catch (error) {
      if (signal.aborted) throw error
      this.#route.health.failed(candidate.provider, error)
      throw nameProvider(nameAbility(error, fitted, candidate), candidate)
    }
    this.#parts = parts
    this.#origin = origin
  }

  #noteFallback(from: Candidate | undefined, to: Candidate | undefined, reason: string): void {
    if (!from || !to) return
    this.#note('fallback', { failed: nameOf(from), provider: to.provider, model: to.model, reason })
  }

  #noteReplaced(retired: string, { provider, model }: Candidate): void {
    this.#note('model_replaced', { retired, provider, model })
  }

  #note(kind: string, details: Note['details']): void {
    this.#waiting.push({ done: false, value: { type: 'note', kind, details } })
  }
}

/** The request with the candidate's name of the model, and with only those extras that it wrote itself. */
function requestFor({ model, origin }: Candidate, request: ChatRequest): ChatRequest {
  const messages = request.messages.map((message) => {
    if (message.role !== 'assistant' || message.origin === undefined) return message
    const { origin: written, extras, tool_calls, ...rest } = message
    const isOwn = written === origin
    const calls = tool_calls?.map(({ extras: ofCall, ...call }) => ({
      ...call,
      ...(isOwn && ofCall !== undefined && { extras: ofCall }),
    }))
    return { ...rest, ...(calls && { tool_calls: calls }), ...(isOwn && extras !== undefined && { extras }) }
  })
  return { ...request, model, messages }
}

/** Only the operator can mend a refused key: the message names the provider, not the key or the address. */
function nameProvider(error: unknown, { provider }: Candidate): unknown {
  if (!(error instanceof UpstreamFailure) || error.trouble !== 'credentials') return error
  const message = `The model's provider '${provider}' refused the credentials that this server has for it.`
  return new UpstreamFailure(error.code, message, { cause: error.cause, trouble: error.trouble })
}

/** Adds the origin to the `end` of an answer. */
function withOrigin(part: IteratorResult<ModelPart>, origin: string): IteratorResult<ModelPart> {
  if (part.done === true || part.value.type !== 'end') return part
  return { done: false, value: { ...part.value, origin } }
}

function failing(error: unknown): AsyncIterator<ModelPart> {
  return { next: () => Promise.reject(error) }
}

function nameOf({ provider, model }: Candidate): string {
  return `${provider}/${model}`
}

/** The provider's own message for the trace and the log. Drivers remove keys and addresses from it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return (cause instanceof Error ? cause.message : error.message).slice(0, 500)
}
