/** Turns the chunks of one Chat Completions answer into model parts. */
import { asRecord, brokenAnswer, streamFailure } from './failure.ts'
import { MessageExtras } from './extras.ts'
import { longestAnswer } from '../limits.ts'
import type { FinishReason, ModelPart, ModelUsage, TurnExtras } from '../port.ts'
import { ToolCallAssembly } from './tool-call-assembly.ts'

/** A count above this is invalid. Sums over all turns of a run then fit into the 32 bits that some SDKs use. */
const mostTokens = 100_000_000

/** The end of an answer; `usage` is undefined when the server did not count. */
export interface AnswerEnd {
  finish_reason: FinishReason
  usage: ModelUsage | undefined
  extras: TurnExtras | undefined
  /** The whole output of the model, for counting its tokens. */
  output: string
}

/** Collects one answer while it arrives. Ignores fields that are neither parts nor extras. */
export class OpenAiAnswer {
  readonly #redact: (text: string) => string
  readonly #calls = new ToolCallAssembly()
  readonly #extras = new MessageExtras()
  /** Characters that are kept besides the parts: extras, ids, arguments that wait for a name. */
  #keptLength = 0
  #finishReason: string | undefined
  #usage: ModelUsage | undefined
  #output = ''

  constructor(redact: (text: string) => string) {
    this.#redact = redact
  }

  get isFinished(): boolean {
    return this.#finishReason !== undefined
  }

  /** Takes one `data:` payload that is not `[DONE]`, and adds the parts that it brings. */
  take(data: string, parts: ModelPart[]): void {
    let chunk: unknown
    try {
      chunk = JSON.parse(data)
    } catch (error) {
      throw brokenAnswer('a chunk that is not JSON', { cause: error })
    }
    this.takeChunk(chunk, parts)
  }

  /** Takes a chunk, or the whole answer of a server that does not stream. */
  takeChunk(value: unknown, parts: ModelPart[]): void {
    const chunk = asRecord(value)
    if (chunk === undefined) {
      if (value === null) return
      throw brokenAnswer('a chunk that is not an object')
    }
    if (chunk.error !== undefined && chunk.error !== null) throw streamFailure(chunk.error, this.#redact)
    if (chunk.object === 'error') throw streamFailure(chunk, this.#redact)
    this.#usage = readUsage(chunk.usage) ?? this.#usage
    const choices: unknown[] = Array.isArray(chunk.choices) ? chunk.choices : []
    for (const choice of choices) this.#takeChoice(choice, parts)
  }

  /** Call after the last chunk. Throws when the answer has no finish_reason. */
  end(): AnswerEnd {
    const reason = this.#finishReason
    if (reason === undefined) throw brokenAnswer('the answer ended without a finish_reason')
    this.#calls.finish()
    return {
      finish_reason: finishReason(reason, this.#calls.count > 0),
      usage: this.#usage,
      extras: this.#turnExtras(),
      output: this.#output,
    }
  }

  #turnExtras(): TurnExtras | undefined {
    const message = this.#extras.extras
    const calls = this.#calls.extras()
    if (message === undefined && calls === undefined) return undefined
    return { ...(message !== undefined && { message }), ...(calls && { calls }) }
  }

  #takeChoice(value: unknown, parts: ModelPart[]): void {
    const choice = asRecord(value)
    if (choice === undefined) throw brokenAnswer('a choice that is not an object')
    // The request asks for one choice. Others come from servers that are configured to send more.
    if (typeof choice.index === 'number' && choice.index !== 0) return
    if (choice.error !== undefined && choice.error !== null) throw streamFailure(choice.error, this.#redact)
    const delta = asRecord(choice.delta) ?? asRecord(choice.message)
    if (delta !== undefined) this.#takeDelta(delta, parts)
    if (typeof choice.finish_reason !== 'string' || choice.finish_reason === '') return
    if (choice.finish_reason === 'error') throw streamFailure(choice, this.#redact)
    this.#finishReason = choice.finish_reason
  }

  #takeDelta(delta: Record<string, unknown>, parts: ModelPart[]): void {
    const before = parts.length
    const { content, refusal, tool_calls } = delta
    const text = typeof content === 'string' ? content : partText(content)
    if (text !== '') parts.push({ type: 'text-delta', text })
    if (typeof refusal === 'string' && refusal !== '') parts.push({ type: 'refusal-delta', text: refusal })
    if (Array.isArray(tool_calls))
      for (const call of tool_calls) this.#keptLength += this.#calls.take(call, parts)
    this.#keptLength += this.#extras.take(delta)
    for (let place = before; place < parts.length; place += 1) this.#output += writtenIn(parts[place])
    if (this.#output.length + this.#keptLength > longestAnswer) throw brokenAnswer('an answer without end')
  }
}

/** Mistral and some gateways send content as a list of typed parts. */
function partText(content: unknown): string {
  if (!Array.isArray(content)) return ''
  return content
    .map((part) => asRecord(part))
    .filter((part) => part?.type === 'text' && typeof part.text === 'string')
    .map((part) => String(part?.text))
    .join('')
}

function writtenIn(part: ModelPart | undefined): string {
  switch (part?.type) {
    case 'text-delta':
    case 'refusal-delta':
      return part.text
    case 'tool-call-start':
      return part.name
    case 'tool-call-delta':
      return part.arguments
    default:
      return ''
  }
}

/** Servers report `stop` after forced tool calls, some after any calls. Unknown reasons count as `stop`. */
function finishReason(reason: string, hasCalls: boolean): FinishReason {
  if (reason === 'length' || reason === 'max_tokens') return 'length'
  if (reason === 'content_filter') return 'content_filter'
  return hasCalls ? 'tool_calls' : 'stop'
}

/** undefined unless both counts are present and valid. */
export function readUsage(value: unknown): ModelUsage | undefined {
  const usage = asRecord(value)
  const prompt_tokens = count(usage?.prompt_tokens)
  const completion_tokens = count(usage?.completion_tokens)
  if (prompt_tokens === undefined || completion_tokens === undefined) return undefined
  return {
    prompt_tokens,
    completion_tokens,
    cached_tokens: count(asRecord(usage?.prompt_tokens_details)?.cached_tokens) ?? 0,
    reasoning_tokens: count(asRecord(usage?.completion_tokens_details)?.reasoning_tokens) ?? 0,
  }
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostTokens
    ? value
    : undefined
}
