/** Counts tokens when a provider does not. */
import type { ChatMessage, ChatRequest } from './port.ts'

/** The tokenizer is quadratic in a run of characters without a break: a megabyte of `a` would take minutes. */
const longestRun = 256
const longRuns = new RegExp(`\\S{${longestRun}}|\\s{${longestRun}}`, 'g')
/** What is counted exactly, in characters; beyond it the first part's density is used, so that nothing blocks. */
const exactLength = 400_000
/** What Chat Completions adds for the role and the borders of a message. */
const tokensPerMessage = 4

/** Tokens of a text in o200k_base, the encoding of OpenAI's newer models; near enough for others. */
export async function countTokens(text: string): Promise<number> {
  if (text === '') return 0
  // Loading takes 0.1 to 0.8 s and 125 MB, and most providers count for themselves.
  const { countTokens: count } = await import('gpt-tokenizer/encoding/o200k_base')
  const part = text.slice(0, exactLength).replaceAll(longRuns, '$&\n')
  // Without this, a text that contains `<|endoftext|>` throws.
  const tokens = count(part, { disallowedSpecial: new Set() })
  return text.length <= exactLength ? tokens : Math.round((tokens / exactLength) * text.length)
}

/** Tokens of everything that is sent; an image counts as OpenAI's smallest, 85. */
export async function countPromptTokens(request: ChatRequest): Promise<number> {
  const texts = request.messages.map((message) => messageText(message))
  const tools = (request.tools ?? []).map((tool) => JSON.stringify(tool.function))
  const images = request.messages.reduce((sum, message) => sum + imageCount(message), 0)
  const tokens = await countTokens([...texts, ...tools].join('\n'))
  return tokens + request.messages.length * tokensPerMessage + images * 85
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
