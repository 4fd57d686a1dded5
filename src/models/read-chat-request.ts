/** Reads the body of POST /chat/completions for a model behind the port. Refuses fields that the port does not have. */
import { z } from 'zod'
import { errors } from '../api/errors.ts'
import type { ChatRequest } from './port.ts'

const schema = z.record(z.string(), z.unknown())
const textPart = z.object({ type: z.literal('text'), text: z.string() })
const imagePart = z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) })
/** A text, or text parts joined to one text. */
const text = z.string().or(z.array(textPart).transform((parts) => parts.map((part) => part.text).join('')))
const called = z.object({ name: z.string().min(1), arguments: z.string() })
const calls = z.array(z.object({ id: z.string().min(1), type: z.literal('function'), function: called }))

const Message = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content: text }),
  z.object({ role: z.literal('developer').transform((): 'system' => 'system'), content: text }),
  z.object({
    role: z.literal('user'),
    content: z.string().or(z.array(z.discriminatedUnion('type', [textPart, imagePart]))),
  }),
  z.object({
    role: z.literal('assistant'),
    content: text.nullish().default(null),
    tool_calls: calls.optional(),
  }),
  z.object({ role: z.literal('tool'), tool_call_id: z.string(), content: text }),
])

const Tool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string().min(1),
    description: z.string().optional(),
    parameters: schema.default({}),
    strict: z.boolean().nullish().transform(Boolean),
  }),
})

const ResponseFormat = z.discriminatedUnion('type', [
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

const Request = z.object({
  model: z.string(),
  messages: z.array(Message),
  tools: z.array(Tool).optional(),
  tool_choice: z
    .enum(['none', 'auto', 'required'])
    .or(z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }))
    .optional(),
  parallel_tool_calls: z.boolean().optional(),
  response_format: ResponseFormat.optional(),
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  reasoning_effort: z.string().optional(),
  max_completion_tokens: z.int().min(1).optional(),
})

/** Fields that do not change the answer, and values that are the default. */
const Ignored = z.object({
  stream: z.boolean(),
  stream_options: z.unknown(),
  user: z.unknown(),
  metadata: z.unknown(),
  store: z.unknown(),
  service_tier: z.unknown(),
  n: z.literal(1),
  logprobs: z.literal(false),
  presence_penalty: z.literal(0),
  frequency_penalty: z.literal(0),
})
const Body = z.strictObject({ ...Request.shape, ...Ignored.partial().shape })

/** Null means absent. Throws an error of the catalogue that names the first field that is not supported. */
export function readChatRequest(body: Record<string, unknown>): ChatRequest {
  const present = Object.entries(body).filter(([, value]) => value !== null && value !== undefined)
  const { max_tokens, ...given } = Object.fromEntries(present)
  const limit = given.max_completion_tokens ?? max_tokens
  const { success, error } = Body.safeParse({ ...given, max_completion_tokens: limit })
  if (!success) throw errors.notSupportedYet(pathOf(error.issues[0]), 'For this model this')
  return Request.parse({ ...given, max_completion_tokens: limit })
}

function pathOf(issue: z.core.$ZodIssue | undefined): string {
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const steps = [...(issue?.path ?? []), ...keys]
  return steps
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .slice(1)
}
