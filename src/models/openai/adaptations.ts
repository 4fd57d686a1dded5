/** Changes to a request body that make a server accept it after it refused a part of it. */
import { asRecord } from './failure.ts'
import type { RequestBody } from './request.ts'
import { withoutKeywords } from './schema-keywords.ts'

/**
 * One change, remembered for the provider and the model:
 * - `leave_out`: the optional field `name`;
 * - `leave_out_of_schemas`: the JSON Schema keyword `name`, or `strict`;
 * - `leave_out_of_messages`: the extra `name` of assistant messages and their calls;
 * - `send_limit_as`: the token limit under `name`;
 * - `send_format_as`: the response format in the form `name` (`json_schema`, `json_object` or `instructions`);
 * - `fill_in`: add the extra `name` to earlier turns of other models, which do not have it;
 * - `merge`: `messages` of the same role in a row, or `no_content`: an empty text in place of null;
 * - `ask_in_two_steps`: first with tools, then without tools and with the field `name` (`response_format`).
 */
export interface Adaptation {
  kind: keyof typeof changes
  name: string
}

export function describeAdaptation({ kind, name }: Adaptation): string {
  return `${kind}: ${name}`
}

/** The body with the changes, and those of them that made a difference. */
export function adapt(
  body: RequestBody,
  adaptations: readonly Adaptation[],
): { body: RequestBody; made: Adaptation[] } {
  let adapted = body
  const made: Adaptation[] = []
  for (const adaptation of adaptations) {
    const next = changes[adaptation.kind](adapted, adaptation.name)
    if (next !== adapted) made.push(adaptation)
    adapted = next
  }
  return { body: adapted, made }
}

/** Each returns the same object when there is nothing to change. */
const changes = {
  leave_out(body: RequestBody, name: string): RequestBody {
    if (!(name in body)) return body
    const { [name]: _, ...rest } = body
    return rest
  },
  leave_out_of_schemas: withoutKeywords,
  leave_out_of_messages(body: RequestBody, name: string): RequestBody {
    const without = (value: Record<string, unknown>) => {
      const { [name]: _, ...rest } = value
      return name in value ? rest : value
    }
    return eachAssistant(body, (message) => eachCall(without(message), without))
  },
  send_limit_as(body: RequestBody, name: string): RequestBody {
    const { max_tokens, max_completion_tokens, ...rest } = body
    const limit = max_tokens ?? max_completion_tokens
    return limit === undefined || name in body ? body : { ...rest, [name]: limit }
  },
  send_format_as: formatAs,
  fill_in(body: RequestBody, name: string): RequestBody {
    return eachAssistant(body, (message) => {
      if (name === 'reasoning_content') return name in message ? message : { ...message, [name]: '' }
      // Gemini requires a signature on the first call of a message, and documents this one for calls of other models.
      const thought_signature = 'skip_thought_signature_validator'
      return eachCall(message, (call, index) =>
        index > 0 || 'extra_content' in call
          ? call
          : { ...call, extra_content: { google: { thought_signature } } },
      )
    })
  },
  merge(body: RequestBody, name: string): RequestBody {
    if (name === 'no_content') {
      return eachAssistant(body, (message) =>
        message.content === null ? { ...message, content: '' } : message,
      )
    }
    const messages = mergeSameRoles(messagesOf(body))
    return messages.length === messagesOf(body).length ? body : { ...body, messages }
  },
  ask_in_two_steps(body: RequestBody): RequestBody {
    if (body.tools === undefined || body.response_format === undefined) return body
    const { response_format: _, ...rest } = body
    return rest
  },
}

export function messagesOf(body: RequestBody): Record<string, unknown>[] {
  return body.messages as Record<string, unknown>[]
}

function eachAssistant(
  body: RequestBody,
  change: (message: Record<string, unknown>) => Record<string, unknown>,
): RequestBody {
  const before = messagesOf(body)
  const messages = before.map((message) => (message.role === 'assistant' ? change(message) : message))
  return messages.every((message, index) => message === before[index]) ? body : { ...body, messages }
}

function eachCall(
  message: Record<string, unknown>,
  change: (call: Record<string, unknown>, index: number) => Record<string, unknown>,
): Record<string, unknown> {
  if (!Array.isArray(message.tool_calls)) return message
  const before = message.tool_calls as Record<string, unknown>[]
  const tool_calls = before.map(change)
  return tool_calls.every((call, index) => call === before[index]) ? message : { ...message, tool_calls }
}

/** Some chat templates require that user and assistant alternate. Messages with calls or outputs are not merged. */
function mergeSameRoles(messages: Record<string, unknown>[]): Record<string, unknown>[] {
  const merged: Record<string, unknown>[] = []
  for (const message of messages) {
    const last = merged.at(-1)
    const canMerge = last?.role === message.role && message.role !== 'tool' && !last?.tool_calls
    if (last && canMerge) merged[merged.length - 1] = { ...last, ...message, content: joined(last, message) }
    else merged.push(message)
  }
  return merged
}

function joined(
  { content: one }: Record<string, unknown>,
  { content: other }: Record<string, unknown>,
): unknown {
  if (typeof one === 'string' && typeof other === 'string') return `${one}\n\n${other}`
  return [one, other].flatMap((content) =>
    typeof content === 'string' ? [{ type: 'text', text: content }] : content,
  )
}

const jsonOnly = 'Answer with a JSON object and nothing else.'

function formatAs(body: RequestBody, name: string): RequestBody {
  const format = asRecord(body.response_format)
  if (format === undefined || format.type === name) return body
  const { response_format: _, ...rest } = body
  if (name === 'json_schema') {
    const json_schema = { name: 'answer', schema: { type: 'object' } }
    return { ...rest, response_format: { type: 'json_schema', json_schema } }
  }
  const form = name === 'json_object' && { response_format: { type: 'json_object' } }
  return { ...rest, messages: instructed(messagesOf(body), format), ...form }
}

/** Describes the response format in an instruction. DeepSeek and others require that the conversation mentions JSON. */
function instructed(messages: Record<string, unknown>[], format: Record<string, unknown>): object[] {
  const [first, ...others] = messages
  const isSystem = first?.role === 'system'
  if (isSystem && String(first.content).includes(jsonOnly)) return messages
  const schema = asRecord(format.json_schema)?.schema
  const words = schema === undefined ? '' : ` It must fit this JSON Schema: ${JSON.stringify(schema)}`
  const instruction = { role: 'system', content: jsonOnly + words }
  return isSystem
    ? [{ ...first, content: joined(first, instruction) }, ...others]
    : [instruction, ...messages]
}
