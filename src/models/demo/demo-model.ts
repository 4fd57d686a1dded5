/** The built-in demo model: no download, no network, and always the same answer to the same messages. */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { sleep } from '../../util/abort.ts'
import { newId } from '../../util/ids.ts'
import { SchemaTooLarge } from './fit-schema.ts'
import { planTurn, type DemoTurn } from './demo-turn.ts'
import { sorry } from '../openai/failure.ts'
import { ModelFailure, type ChatModel, type ChatRequest, type FinishReason, type ModelPart } from '../port.ts'

/** The error texts of `fail`, as the live service words them. */
const failureTexts = {
  server_error: sorry,
  rate_limit_exceeded: 'Rate limit reached for the demo model. Please try again later.',
  invalid_prompt: 'The demo model was instructed to refuse this prompt.',
} as const

/**
 * Obeys directives in the last user message (see docs/demo-model.md). Its tokens are words with the space before
 * them, in prompts and answers alike; that is what usage and `max_completion_tokens` count.
 */
export function demoModel(): ChatModel {
  return { stream }
}

async function* stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
  signal.throwIfAborted()
  const turn = planOrFail(request)
  const budget = { left: request.max_completion_tokens ?? Number.POSITIVE_INFINITY, used: 0 }
  for await (const part of paced(partsOf(turn, budget), turn.slowMs, signal)) yield part
  const isCut = budget.left < 0
  if (turn.fail !== undefined && !isCut) throw new ModelFailure(turn.fail, failureTexts[turn.fail])
  yield {
    type: 'end',
    finish_reason: isCut ? 'length' : endOf(turn),
    usage: {
      prompt_tokens: promptTokens(request),
      completion_tokens: budget.used,
      cached_tokens: 0,
      reasoning_tokens: 0,
    },
  }
}

function planOrFail(request: ChatRequest): DemoTurn {
  try {
    return planTurn(request)
  } catch (error) {
    if (error instanceof SchemaTooLarge) throw new ModelFailure('invalid_prompt', error.message)
    throw error
  }
}

interface Budget {
  /** Tokens that the answer may still have; below zero when it was cut. */
  left: number
  used: number
}

function* partsOf(turn: DemoTurn, budget: Budget): Generator<ModelPart> {
  for (const text of words(turn.text)) {
    if (!spend(budget)) return
    yield { type: 'text-delta', text }
  }
  for (const [index, call] of turn.calls.entries()) {
    if (!spend(budget)) return
    yield { type: 'tool-call-start', index, id: newId('call'), name: call.name }
    for (const fragment of words(call.arguments)) {
      if (!spend(budget)) return
      yield { type: 'tool-call-delta', index, arguments: fragment }
    }
  }
}

function spend(budget: Budget): boolean {
  budget.left -= 1
  if (budget.left < 0) return false
  budget.used += 1
  return true
}

/** Yields to the event loop after each word, so that a long answer streams and does not block other requests. */
async function* paced(
  parts: Iterable<ModelPart>,
  slowMs: number,
  signal: AbortSignal,
): AsyncGenerator<ModelPart> {
  let isFirst = true
  for (const part of parts) {
    if (slowMs > 0 && !isFirst) await sleep(slowMs, signal)
    else await nextTurnOfLoop()
    isFirst = false
    signal.throwIfAborted()
    yield part
  }
}

function endOf(turn: DemoTurn): FinishReason {
  return turn.calls.length > 0 ? 'tool_calls' : 'stop'
}

/** Splits a text into words, each with the white space before it. Long words are split; trailing space is a word. */
function words(text: string): string[] {
  return text.match(/\s{0,200}\S{1,200}|\s{1,200}/gu) ?? []
}

function promptTokens(request: ChatRequest): number {
  const texts = request.messages.map((message) => {
    const calls = message.role === 'assistant' ? (message.tool_calls ?? []) : []
    const called = calls.map((call) => `${call.function.name} ${call.function.arguments}`).join(' ')
    if (typeof message.content === 'string') return `${message.content} ${called}`
    return `${(message.content ?? []).map((part) => (part.type === 'text' ? part.text : 'image')).join(' ')} ${called}`
  })
  const tools = (request.tools ?? []).map((tool) => JSON.stringify(tool.function))
  return [...texts, ...tools].reduce((sum, text) => sum + words(text.trim()).length, 0)
}
