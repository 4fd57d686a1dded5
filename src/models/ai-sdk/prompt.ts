/** Converts our messages to those of the AI SDK, in the order of roles that strict providers require. */
import type {
  LanguageModelV3FilePart,
  LanguageModelV3Message,
  LanguageModelV3Prompt,
  LanguageModelV3TextPart,
  LanguageModelV3ToolResultPart,
} from '@ai-sdk/provider'
import { ModelFailure, type ChatContentPart, type ChatMessage } from '../port.ts'
import { unpackCall, unpackTurn } from './extras.ts'
import { isObject } from '../../util/is-object.ts'
import { parseJson } from '../../util/parse-json.ts'

/** The text of a message that strict providers require and the conversation does not have. */
const placeholder = '(continue)'

type Assistant = Extract<ChatMessage, { role: 'assistant' }>

/**
 * System messages first, then turns that begin with the user and end with the user or with tool results. Throws
 * `ModelFailure` for an image that the provider cannot read.
 */
export function toPrompt(
  messages: readonly ChatMessage[],
  supportedUrls: Record<string, RegExp[]>,
): LanguageModelV3Prompt {
  const system = messages.filter((message) => message.role === 'system')
  const rest = messages.filter((message) => message.role !== 'system')
  const names = new Map<string, string>()
  const turns = rest.map((message) => toMessage(message, names, supportedUrls))
  const filled = joinResults(turns.filter(({ content }) => content.length > 0))
  if (filled[0]?.role !== 'user') filled.unshift(userMessage(placeholder))
  if (filled.at(-1)?.role === 'assistant') filled.push(userMessage(placeholder))
  return [...system.map(({ content }) => ({ role: 'system' as const, content })), ...filled]
}

/** Joins the results of the calls of one turn into one message. */
function joinResults(messages: LanguageModelV3Message[]): LanguageModelV3Message[] {
  const joined: LanguageModelV3Message[] = []
  for (const message of messages) {
    const last = joined.at(-1)
    if (message.role === 'tool' && last?.role === 'tool') last.content.push(...message.content)
    else joined.push(message)
  }
  return joined
}

function userMessage(text: string): LanguageModelV3Message {
  return { role: 'user', content: [{ type: 'text', text }] }
}

/** `names` collects the function name of each call: the result of the call must repeat it. */
function toMessage(
  message: Exclude<ChatMessage, { role: 'system' }>,
  names: Map<string, string>,
  supportedUrls: Record<string, RegExp[]>,
): LanguageModelV3Message {
  switch (message.role) {
    case 'user':
      return { role: 'user', content: userContent(message.content, supportedUrls) }
    case 'assistant':
      for (const call of message.tool_calls ?? []) names.set(call.id, call.function.name)
      return { role: 'assistant', content: assistantContent(message) }
    case 'tool':
      return { role: 'tool', content: [toolResult(message, names)] }
  }
}

function userContent(
  content: string | ChatContentPart[],
  supportedUrls: Record<string, RegExp[]>,
): (LanguageModelV3TextPart | LanguageModelV3FilePart)[] {
  const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content
  return parts.flatMap<LanguageModelV3TextPart | LanguageModelV3FilePart>((part) => {
    if (part.type === 'text') return part.text === '' ? [] : [{ type: 'text' as const, text: part.text }]
    return [imagePart(part.image_url.url, supportedUrls)]
  })
}

function imagePart(url: string, supportedUrls: Record<string, RegExp[]>): LanguageModelV3FilePart {
  const [, mediaType, data] = /^data:(image\/[\w.+-]+);base64,(.*)$/is.exec(url) ?? []
  if (mediaType !== undefined && data !== undefined) return { type: 'file', mediaType, data }
  const byName = mediaTypeOf(url)
  const patterns = ['*', '*/*', 'image/*', byName].flatMap((type) => supportedUrls[type] ?? [])
  if (patterns.some((pattern) => pattern.test(url)))
    return { type: 'file', mediaType: byName, data: new URL(url) }
  throw new ModelFailure(
    'invalid_prompt',
    "The model's provider cannot fetch images by their URL: upload the image as a file.",
  )
}

function mediaTypeOf(url: string): string {
  const [, extension = 'jpeg'] = /\.(png|gif|webp|jpe?g)(?:[?#]|$)/i.exec(url) ?? []
  return `image/${extension.toLowerCase().replace('jpg', 'jpeg')}`
}

function assistantContent({
  content,
  tool_calls = [],
  extras,
}: Assistant): Extract<LanguageModelV3Message, { role: 'assistant' }>['content'] {
  const { reasoning = [], text } = unpackTurn(extras)
  return [
    ...reasoning.map(({ text: thought, metadata }) => ({
      type: 'reasoning' as const,
      text: thought,
      ...(metadata && { providerOptions: metadata }),
    })),
    ...(content ? [{ type: 'text' as const, text: content, ...(text && { providerOptions: text }) }] : []),
    ...tool_calls.map((call) => {
      const metadata = unpackCall(call.extras)
      return {
        type: 'tool-call' as const,
        toolCallId: plainId(call.id),
        toolName: call.function.name,
        input: parseArguments(call.function.arguments),
        ...(metadata && { providerOptions: metadata }),
      }
    }),
  ]
}

/** Providers require an object; invalid JSON of the model is sent as text. */
function parseArguments(text: string): unknown {
  const value = parseJson(text)
  if (value === undefined) return { invalid_json: text }
  return isObject(value) ? value : { value }
}

/** Claude refuses the dots and colons in ids of other models. */
function plainId(id: string): string {
  return id.replaceAll(/[^\w-]/g, '_')
}

function toolResult(
  { tool_call_id, content }: Extract<ChatMessage, { role: 'tool' }>,
  names: ReadonlyMap<string, string>,
): LanguageModelV3ToolResultPart {
  return {
    type: 'tool-result',
    toolCallId: plainId(tool_call_id),
    toolName: names.get(tool_call_id) ?? 'unknown',
    output: { type: 'text', value: content },
  }
}
