/** Reads the body of POST /chat/completions into the port's request, or says what cannot be obeyed. */
import { z } from 'zod'
import { errors } from '../api/errors.ts'
import { asRecord } from './openai/failure.ts'
import type { ChatContentPart, ChatMessage, ChatRequest } from './port.ts'

const schema = z.record(z.string(), z.unknown())

/** Carried over as they are, in the port's own forms. */
const Carried = z.object({
  tools: z
    .array(
      z.object({
        type: z.literal('function'),
        function: z.object({
          name: z.string().min(1),
          description: z.string().optional(),
          parameters: schema.default({}),
          strict: z
            .boolean()
            .nullish()
            .transform((strict) => strict ?? false),
        }),
      }),
    )
    .optional(),
  tool_choice: z
    .enum(['none', 'auto', 'required'])
    .or(z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }))
    .optional(),
  parallel_tool_calls: z.boolean().optional(),
  response_format: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('json_object') }),
      z.object({
        type: z.literal('json_schema'),
        json_schema: z.object({
          name: z.string(),
          description: z.string().optional(),
          schema: schema.optional(),
        }),
      }),
    ])
    .optional(),
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  reasoning_effort: z.string().optional(),
  max_completion_tokens: z.int().min(1).optional(),
})

const ToolCalls = z.array(
  z.object({
    id: z.string().min(1),
    type: z.literal('function'),
    function: z.object({ name: z.string().min(1), arguments: z.string() }),
  }),
)

/** Say nothing about the answer. */
const harmless = [
  'model',
  'messages',
  'stream',
  'stream_options',
  'user',
  'metadata',
  'store',
  'service_tier',
]
/** Obeyed when they ask for what is done anyway. */
const standard: Record<string, unknown[]> = {
  n: [1],
  logprobs: [false],
  presence_penalty: [0],
  frequency_penalty: [0],
}

/** Null is as good as absent, as in the original. Fields that a model behind the port cannot obey are refused. */
export function readChatRequest(body: Record<string, unknown>): ChatRequest {
  const given = Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== null && value !== undefined),
  )
  const known = new Set([...Object.keys(Carried.shape), ...harmless, 'max_tokens'])
  for (const [name, value] of Object.entries(given)) {
    const isStandard = Object.hasOwn(standard, name) && standard[name]?.includes(value)
    if (!known.has(name) && !isStandard) throw errors.notSupportedYet(name, 'For this model this field')
  }
  const limit = given.max_completion_tokens ?? given.max_tokens
  return {
    model: String(given.model),
    messages: (given.messages as unknown[]).map((message, index) =>
      readMessage(message, `messages[${index}]`),
    ),
    ...fit(Carried, { ...given, ...(limit !== undefined && { max_completion_tokens: limit }) }, ''),
  }
}

function fit<Shape extends z.ZodType>(shape: Shape, value: unknown, path: string): z.output<Shape> {
  const { success, data, error } = shape.safeParse(value)
  if (success) return data
  const steps = (error.issues[0]?.path ?? []).map((step) =>
    typeof step === 'number' ? `[${step}]` : `.${String(step)}`,
  )
  throw errors.notSupportedYet((path + steps.join('')).replace(/^\./, ''), 'For this model this value')
}

function readMessage(value: unknown, path: string): ChatMessage {
  const message = asRecord(value) ?? {}
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: plainText(message.content, path) }
    case 'user':
      return { role: 'user', content: userContent(message.content, path) }
    case 'assistant': {
      const calls = fit(ToolCalls, message.tool_calls ?? [], `${path}.tool_calls`)
      const content = message.content ?? null
      return {
        role: 'assistant',
        content: content === null ? null : plainText(content, path),
        ...(calls.length > 0 && { tool_calls: calls }),
      }
    }
    case 'tool':
      return {
        role: 'tool',
        tool_call_id: String(message.tool_call_id),
        content: plainText(message.content, path),
      }
    default:
      throw errors.notSupportedYet(`${path}.role`, `For this model the role '${String(message.role)}'`)
  }
}

function userContent(content: unknown, path: string): string | ChatContentPart[] {
  if (!Array.isArray(content)) return plainText(content, path)
  return content.map((value, index) => {
    const part = asRecord(value)
    const image = asRecord(part?.image_url)
    if (part?.type === 'text' && typeof part.text === 'string') return { type: 'text', text: part.text }
    if (part?.type === 'image_url' && typeof image?.url === 'string') {
      return { type: 'image_url', image_url: { url: image.url } }
    }
    throw errors.notSupportedYet(`${path}.content[${index}]`, 'For this model this kind of content')
  })
}

/** Text, or parts of text. */
function plainText(content: unknown, path: string): string {
  if (typeof content === 'string') return content
  const parts = textsOf(content)
  if (parts === undefined)
    throw errors.notSupportedYet(`${path}.content`, 'For this model content that is no text')
  return parts.join('')
}

function textsOf(content: unknown): string[] | undefined {
  if (!Array.isArray(content)) return undefined
  const texts = content.map((part) => asRecord(part)?.text)
  return texts.every((text): text is string => typeof text === 'string') ? texts : undefined
}
