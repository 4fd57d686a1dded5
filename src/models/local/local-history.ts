/** Converts a conversation to the form of node-llama-cpp, where calls and their outputs are inside the model's answer. */
import type { HistoryCall, HistoryItem, LlamaFunctions } from './llama-types.ts'
import { ModelFailure, type ChatMessage, type ChatTool } from '../port.ts'
import { parseJson } from '../../util/parse-json.ts'

type ModelItem = Extract<HistoryItem, { type: 'model' }>

/**
 * The last item is the answer that the model begins or continues. All system texts become one first item, because
 * chat templates accept no other place. Throws when there is an image.
 */
export function toHistory(messages: ChatMessage[], notice?: string): HistoryItem[] {
  const systems = messages.flatMap((message) => (message.role === 'system' ? [message.content] : []))
  const text = [...(notice === undefined ? [] : [notice]), ...systems].join('\n\n')
  const history: HistoryItem[] = text === '' ? [] : [{ type: 'system', text }]
  const open = new Map<string, HistoryCall>()
  for (const message of messages) {
    if (message.role === 'user') history.push({ type: 'user', text: userText(message) })
    else if (message.role === 'assistant') addAnswer(answerOf(history), message, open)
    else if (message.role === 'tool') answerCall(message, open)
  }
  answerOf(history)
  return history
}

/** The functions that the model may call. A schema without a type becomes that of an object. */
export function toFunctions(tools: ChatTool[]): LlamaFunctions {
  return Object.fromEntries(
    tools.map(({ function: { name, description, parameters } }) => [
      name,
      { ...(description === undefined ? {} : { description }), params: { type: 'object', ...parameters } },
    ]),
  )
}

/** A description of the functions for the prompt, for a call that a grammar forces. */
export function callNotice(tools: ChatTool[]): string {
  const list = tools.map(({ function: { name, description, parameters } }) =>
    JSON.stringify({ name, description, parameters }),
  )
  return `Call one of these functions now. Answer with {"name": …, "arguments": …} only.\n${list.join('\n')}`
}

function answerOf(history: HistoryItem[]): ModelItem {
  const last = history.at(-1)
  if (last?.type === 'model') return last
  const answer: ModelItem = { type: 'model', response: [] }
  history.push(answer)
  return answer
}

function addAnswer(
  answer: ModelItem,
  message: Extract<ChatMessage, { role: 'assistant' }>,
  open: Map<string, HistoryCall>,
): void {
  if (message.content !== null && message.content !== '') answer.response.push(message.content)
  for (const [place, call] of (message.tool_calls ?? []).entries()) {
    const entry: HistoryCall = {
      type: 'functionCall',
      name: call.function.name,
      params: parsed(call.function.arguments),
      result: '',
      startsNewChunk: place === 0,
    }
    open.set(call.id, entry)
    answer.response.push(entry)
  }
}

function answerCall(message: Extract<ChatMessage, { role: 'tool' }>, open: Map<string, HistoryCall>): void {
  const call = open.get(message.tool_call_id)
  if (call !== undefined) call.result = message.content
}

function userText({ content }: Extract<ChatMessage, { role: 'user' }>): string {
  if (typeof content === 'string') return content
  if (content.some(({ type }) => type === 'image_url')) {
    throw new ModelFailure('invalid_prompt', 'This model reads text only: it cannot see images.')
  }
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
}

function parsed(text: string): unknown {
  const value = parseJson(text)
  return value === undefined ? (text === '' ? {} : text) : value
}
