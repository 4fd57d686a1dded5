/** Counts the tokens of a request, for providers that do not report usage. */
import { countTokens } from '../util/count-tokens.ts'
import type { ChatMessage, ChatRequest } from './port.ts'

/** What Chat Completions adds for the role and the delimiters of a message. */
export const tokensPerMessage = 4
/** An estimate: about the tokens of a large image at OpenAI, Anthropic and Google. */
export const tokensPerImage = 1000

/** The tokens of messages and tools. */
export async function countPromptTokens(request: ChatRequest): Promise<number> {
  const texts = request.messages.map((message) => messageText(message))
  const tools = (request.tools ?? []).map((tool) => JSON.stringify(tool.function))
  const images = request.messages.reduce((sum, message) => sum + imageCount(message), 0)
  const tokens = await countTokens([...texts, ...tools].join('\n'))
  return tokens + request.messages.length * tokensPerMessage + images * tokensPerImage
}

function messageText(message: ChatMessage): string {
  if (message.role === 'assistant') {
    const calls = (message.tool_calls ?? []).map((call) => `${call.function.name} ${call.function.arguments}`)
    return [message.content ?? '', ...calls].join('\n')
  }
  if (typeof message.content === 'string') return message.content
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
}

function imageCount(message: ChatMessage): number {
  if (message.role !== 'user' || typeof message.content === 'string') return 0
  return message.content.filter((part) => part.type === 'image_url').length
}
