/** One answer of a local model, from the request to its end. Runs in the model's own process. */
import { newId } from '../../util/ids.ts'
import type { GenerateOptions, Llama, LlamaChat, LlamaModel } from './llama-types.ts'
import { callNotice, toFunctions, toHistory } from './local-history.ts'
import {
  ModelFailure,
  type ChatRequest,
  type ChatTool,
  type FinishReason,
  type ModelPart,
  type ModelUsage,
} from '../port.ts'
import { parseJson } from '../../util/parse-json.ts'

/** The default: at 1, small models write nonsense. */
const usualTemperature = 0.7

export interface LocalAnswer {
  finish_reason: FinishReason
  usage: ModelUsage
}

export interface Loaded {
  llama: Llama
  model: LlamaModel
}

/**
 * Generates on the chat's sequence and emits each part at once. Rejects with the signal's reason on abort,
 * and with `ModelFailure` when the model cannot do what the request needs.
 */
export async function answer(
  { llama, model }: Loaded,
  chat: LlamaChat,
  request: ChatRequest,
  { signal, onParts }: { signal: AbortSignal; onParts: (parts: ModelPart[]) => void },
): Promise<LocalAnswer> {
  const plan = await planAnswer(llama, request)
  const history = toHistory(request.messages, plan.notice)
  const prompt = promptTokens(model, chat, { history, functions: plan.options.functions })
  const limit = answerLimit(prompt, chat.sequence.contextSize)
  const before = chat.sequence.tokenMeter.getState()
  const made = { reasoning: 0, calls: new Set<number>(), text: '' }
  const { metadata } = await chat.generateResponse(structuredClone(history), {
    signal,
    temperature: request.temperature ?? usualTemperature,
    ...(request.top_p === undefined ? {} : { topP: request.top_p }),
    maxTokens: Math.min(request.max_completion_tokens ?? limit, limit),
    ...plan.options,
    onResponseChunk: ({ type, text, tokens }) => {
      if (type === 'segment') made.reasoning += tokens.length
      else if (plan.isCall) made.text += text
      else if (text !== '') onParts([{ type: 'text-delta', text }])
    },
    ...(plan.options.functions === undefined
      ? {}
      : { onFunctionCallParamsChunk: callParts(made.calls, onParts) }),
  })
  if (plan.isCall) onParts(forcedCall(made.text))
  const used = chat.sequence.tokenMeter.diff(before)
  const hasCalls = made.calls.size > 0 || plan.isCall
  return {
    finish_reason: metadata.stopReason === 'maxTokens' ? 'length' : hasCalls ? 'tool_calls' : 'stop',
    usage: {
      prompt_tokens: Math.max(prompt, used.usedInputTokens),
      completion_tokens: used.usedOutputTokens,
      // Tokens that the sequence still holds from the last conversation are not evaluated again. The meter does not
      // count the last token of the prompt: its evaluation produces the first token of the answer.
      cached_tokens: Math.max(0, prompt - used.usedInputTokens - 1),
      reasoning_tokens: made.reasoning,
    },
  }
}

/**
 * The number of tokens that remain for the answer. Without this limit the library drops the oldest messages when the
 * context is full, and a small model that repeats itself never stops.
 */
function answerLimit(prompt: number, contextSize: number): number {
  if (prompt < contextSize) return contextSize - prompt
  throw new ModelFailure(
    'invalid_prompt',
    `This model's maximum context length is ${contextSize} tokens. However, your messages resulted in ${prompt} tokens.`,
  )
}

interface Plan {
  options: Pick<
    GenerateOptions,
    'grammar' | 'functions' | 'documentFunctionParams' | 'maxParallelFunctionCalls'
  >
  /** Whether the grammar forces the whole answer to be one call. */
  isCall: boolean
  notice: string | undefined
}

/** The library takes either a grammar or functions, so a forced call is a grammar too. */
async function planAnswer(llama: Llama, request: ChatRequest): Promise<Plan> {
  const { tool_choice = 'auto', response_format } = request
  const tools = tool_choice === 'none' ? [] : (request.tools ?? [])
  const wantsForm = response_format !== undefined && response_format.type !== 'text'
  if (tools.length > 0 && tool_choice !== 'auto') {
    const named = typeof tool_choice === 'object' ? tool_choice.function.name : undefined
    const callable = tools.filter((tool) => named === undefined || tool.function.name === named)
    const grammar = await grammarFor(llama, callSchema(callable))
    return { options: { grammar }, isCall: true, notice: callNotice(callable) }
  }
  if (tools.length > 0) {
    if (wantsForm) {
      throw new ModelFailure(
        'invalid_prompt',
        'This model cannot call tools and keep to a response_format at once.',
      )
    }
    const one = request.parallel_tool_calls === false ? { maxParallelFunctionCalls: 1 } : {}
    return {
      options: { functions: toFunctions(tools), documentFunctionParams: true, ...one },
      isCall: false,
      notice: undefined,
    }
  }
  if (!wantsForm) return { options: {}, isCall: false, notice: undefined }
  const schema = response_format.type === 'json_schema' ? response_format.json_schema.schema : undefined
  const grammar = schema === undefined ? await llama.getGrammarFor('json') : await grammarFor(llama, schema)
  return { options: { grammar }, isCall: false, notice: undefined }
}

async function grammarFor(llama: Llama, schema: object): Promise<object> {
  try {
    return await llama.createGrammarForJsonSchema(schema)
  } catch (error) {
    throw new ModelFailure('invalid_prompt', 'This model cannot be held to that JSON schema.', {
      cause: error,
    })
  }
}

function callSchema(tools: ChatTool[]): object {
  return {
    oneOf: tools.map(({ function: { name, parameters } }) => ({
      type: 'object',
      properties: { name: { const: name }, arguments: { type: 'object', ...parameters } },
      required: ['name', 'arguments'],
      additionalProperties: false,
    })),
  }
}

/** Numbers the calls in the order in which they begin. A call without parameters has the arguments `{}`. */
function callParts(
  started: Set<number>,
  onParts: (parts: ModelPart[]) => void,
): NonNullable<GenerateOptions['onFunctionCallParamsChunk']> {
  const order: number[] = []
  let written = ''
  return ({ callIndex, functionName, paramsChunk, done }) => {
    const parts: ModelPart[] = []
    if (!started.has(callIndex)) {
      started.add(callIndex)
      order.push(callIndex)
      written = ''
      parts.push({ type: 'tool-call-start', index: order.length - 1, id: newId('call'), name: functionName })
    }
    written += paramsChunk
    const text = done && written.trim() === '' ? '{}' : paramsChunk
    if (text !== '') parts.push({ type: 'tool-call-delta', index: order.indexOf(callIndex), arguments: text })
    onParts(parts)
  }
}

/** Parses the call that a grammar produced. When the token limit cut it, the arguments are incomplete JSON. */
function forcedCall(text: string): ModelPart[] {
  const [, name = ''] = /^\s*\{\s*"name"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text) ?? []
  if (name === '') return []
  const start = /"arguments"\s*:\s*/.exec(text)
  const rest = start === null ? '' : text.slice(start.index + start[0].length)
  const whole = parseJson(text) !== undefined
  const written = whole ? rest.trimEnd().slice(0, -1).trimEnd() : rest
  return [
    { type: 'tool-call-start', index: 0, id: newId('call'), name: JSON.parse(`"${name}"`) as string },
    ...(written === '' ? [] : [{ type: 'tool-call-delta' as const, index: 0, arguments: written }]),
  ]
}

function promptTokens(
  model: LlamaModel,
  chat: LlamaChat,
  {
    history,
    functions,
  }: { history: Parameters<LlamaChat['generateResponse']>[0]; functions: GenerateOptions['functions'] },
): number {
  const { contextText } = chat.chatWrapper.generateContextState({
    chatHistory: history,
    ...(functions === undefined ? {} : { availableFunctions: functions, documentFunctionParams: true }),
  })
  return contextText.tokenize(model.tokenizer).length
}
