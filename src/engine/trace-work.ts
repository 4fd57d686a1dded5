/** The work of one run in this process, for its trace. Times are of this process's clock. */
import type { ModelRequestWork, ToolCallWork, WorkerSpan } from '../api/run-work.ts'
import { ModelFailure, type ChatRequest, type ModelPart } from '../models/port.ts'
import type { ResolvedModel } from '../models/open.ts'
import type { WorkWriter } from './work-writer.ts'
import type { RunRow } from '../sql/runs.ts'
import { messageWithCause } from '../util/describe-error.ts'
import { newHexId } from '../util/ids.ts'
import { cutRequest } from './cut-request.ts'

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
