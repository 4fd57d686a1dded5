/** A conversation in the form that node-llama-cpp takes: calls and their outputs are inside the model's answer. */
import type { HistoryCall, HistoryItem, LlamaFunctions } from './llama-types.ts'
import { ModelFailure, type ChatMessage, type ChatTool } from '../port.ts'
import { parseJson } from '../../util/parse-json.ts'

type ModelItem = Extract<HistoryItem, { type: 'model' }>

/**
 * Ends with the answer that the model is to give, or to go on with. System texts become one, at the front: chat
 * templates know no other place. Throws when there is an image.
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

/** The functions a model may call; a schema without a type is an object's. */
export function toFunctions(tools: ChatTool[]): LlamaFunctions {
  return Object.fromEntries(
    tools.map(({ function: { name, description, parameters } }) => [
      name,
      { ...(description === undefined ? {} : { description }), params: { type: 'object', ...parameters } },
    ]),
  )
}

/** For a call that is forced by a grammar: the prompt must still describe the functions. */
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
