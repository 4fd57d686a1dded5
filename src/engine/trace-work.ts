/**
 * The work of one run in this process, for its trace. Times are of this process's clock. A request to a model is shortened
 * before it is stored: the beginnings of its texts, no image data, and no extra data of the provider.
 */
import type { ModelRequestWork, ToolCallWork, WorkerSpan } from '../api/run-work.ts'
import { ModelFailure, type ChatRequest, type ModelPart } from '../models/port.ts'
import type { ResolvedModel } from '../models/open.ts'
import type { WorkWriter } from './work-writer.ts'
import type { RunRow } from '../sql/runs.ts'
import { messageWithCause } from '../util/describe-error.ts'
import { newHexId } from '../util/ids.ts'

/** Characters of an error in a trace. */
const longestError = 2000

/** Messages that were left out of a request. */
export interface LeftOut {
  count: number
  ids: string[]
}

/** Lives from a claim of the run to the end of that claim. */
export class WorkTrace {
  readonly #writer: WorkWriter
  readonly #run_id: string
  readonly #attempt: number
  readonly #span: WorkerSpan

  constructor(writer: WorkWriter, row: RunRow) {
    this.#writer = writer
    this.#run_id = row.id
    this.#attempt = row.attempt
    this.#span = { ...this.#started('worker'), queued_ms: 0, status: null, waits_for: [] }
    this.#writer.save(this.#run_id, this.#span)
  }

  /** `row`: the row after the work. */
  end({ status, required_action }: RunRow): void {
    const calls = required_action?.submit_tool_outputs.tool_calls ?? []
    const waits_for = calls.map((call) => call.function.name)
    Object.assign(this.#span, { ended_ms: Date.now(), status, waits_for })
    this.#writer.save(this.#run_id, this.#span)
  }

  /** The model, whose answer to this request is traced while it arrives. */
  watch(model: ResolvedModel, left_out: LeftOut): ResolvedModel {
    if (!this.#writer.isOn) return model
    const stream = (request: ChatRequest, signal: AbortSignal) =>
      this.#watched(model.chat.stream(request, signal), this.#request(model, request, left_out))
    return { ...model, chat: { stream } }
  }

  /** Traces a call that the server answers itself. `search` is what a search found. */
  async call<Outcome extends { search?: ToolCallWork['search'] }>(
    { id, name }: { id: string; name: string },
    run: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const work: ToolCallWork = { ...this.#started('tool_call'), call_id: id, name, error: null, search: null }
    this.#writer.save(this.#run_id, work)
    try {
      const outcome = await run()
      work.search = outcome.search ?? null
      return outcome
    } catch (error) {
      work.error = messageWithCause(error).slice(0, longestError)
      throw error
    } finally {
      work.ended_ms = Date.now()
      this.#writer.save(this.#run_id, work)
    }
  }

  #started<Kind extends string>(kind: Kind) {
    const id = newHexId('work_')
    return { id, kind, started_ms: Date.now(), ended_ms: null, attempt: this.#attempt }
  }

  #request(model: ResolvedModel, request: ChatRequest, left_out: LeftOut): ModelRequestWork {
    const work: ModelRequestWork = {
      ...this.#started('model_request'),
      first_token_ms: null,
      provider: model.provider,
      model: model.model,
      ...cutRequest(request),
      left_out,
      notes: [],
      finish_reason: null,
      usage: null,
      error: null,
    }
    this.#writer.save(this.#run_id, work)
    return work
  }

  async *#watched(parts: AsyncIterable<ModelPart>, work: ModelRequestWork): AsyncGenerator<ModelPart> {
    try {
      for await (const part of parts) {
        if (part.type === 'end') {
          const { prompt_tokens, completion_tokens } = part.usage
          const total_tokens = prompt_tokens + completion_tokens
          work.finish_reason = part.finish_reason
          work.usage = { prompt_tokens, completion_tokens, total_tokens }
        } else if (part.type === 'note') {
          work.notes.push({ at_ms: Date.now(), kind: part.kind, ...part.details })
          Object.assign(work, askedFrom(part.details))
        } else work.first_token_ms ??= Date.now()
        yield part
      }
    } catch (error) {
      const code = error instanceof ModelFailure ? error.code : 'stopped'
      work.error = { code, message: messageWithCause(error).slice(0, longestError) }
      throw error
    } finally {
      work.ended_ms = Date.now()
      this.#writer.save(this.#run_id, work)
    }
  }
}

/** The notes of a route name the model that is called from then on. */
function askedFrom({ provider, model }: Record<string, unknown>): Partial<ModelRequestWork> {
  return typeof provider === 'string' && typeof model === 'string' ? { provider, model } : {}
}

/** The most JSON characters of a stored request. */
const mostCharacters = 256 * 1024
/** Limits of single texts, tried one after another until the request is small enough. */
const textLimits = [64 * 1024, 8 * 1024, 1024, 100]
/** Messages that are kept when even short texts are too many: the first and the last. */
const keptMessages = 100

interface CutRequest {
  request: Record<string, unknown>
  is_cut: boolean
}

function cutRequest(sent: ChatRequest): CutRequest {
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
