/** Finds out from a refusal which parts of a request the server does not accept, and what to send instead. */
import { messagesOf, type Adaptation } from './adaptations.ts'
import type { RequestBody } from './request.ts'
import { keywordsOf } from './schema-keywords.ts'

/** Words with which servers refuse a field or its value. A value out of range is an error of the user instead. */
const refusing =
  /unsupported|not support|unrecogni[sz]ed|unknown|unexpected|extra_forbidden|extra (inputs?|fields?)|not permitted|not allowed|not available|unavailable|deprecated|cannot (both )?be|can't be|cannot find field|additional propert|does not accept|not enabled/i
const outOfRange = /too (large|small|high|low|long|many)|at most|maximum|greater than|less than|exceed/i

const optionalFields = [
  'stream_options',
  'parallel_tool_calls',
  'temperature',
  'top_p',
  'reasoning_effort',
  'tool_choice',
]
const limitFields = ['max_tokens', 'max_completion_tokens']
const extras = ['reasoning_content', 'reasoning_details', 'reasoning', 'extra_content']

/**
 * The changes to make after the server refused `body` with `message`, besides those `applied` before. Empty when the
 * refusal names no part of the body that can be left out or changed. The first rule that finds a change wins.
 */
export function readRefusal(
  message: string,
  body: RequestBody,
  applied: readonly Adaptation[],
): Adaptation[] {
  const isNew = ({ kind, name }: Adaptation) => !applied.some((one) => one.kind === kind && one.name === name)
  for (const rule of [twoSteps, missingExtras, keywords, fields, format, messages]) {
    const found = rule(message, body, applied).filter(isNew)
    if (found.length > 0) return found
  }
  return []
}

/** Whether the message has the field's name as a whole word, with or without quotes. */
function names(message: string, field: string): boolean {
  const literal = field.replaceAll('$', String.raw`\$`)
  return new RegExp(String.raw`(^|[^\w$])${literal}($|[^\w])`).test(message)
}

/** llama.cpp, Groq and Gemini refuse tools together with a response format. */
function twoSteps(message: string, { tools, response_format }: RequestBody): Adaptation[] {
  if (tools === undefined || response_format === undefined) return []
  const form = String.raw`(grammar|response.?(format|mime.?type)|json.?mode|json.?schema)`
  const tool = String.raw`(tools?\b(?!\[)|function.?call)`
  const both = new RegExp(`${form}[^.]*${tool}|${tool}[^.]*${form}`, 'i')
  const refused = refusing.test(message) || /cannot|can't|combined|together/i.test(message)
  return both.test(message) && refused ? [{ kind: 'ask_in_two_steps', name: 'response_format' }] : []
}

/** Earlier turns of another model have no reasoning or signature. */
function missingExtras(message: string): Adaptation[] {
  if (!/missing|must be|required/i.test(message)) return []
  if (names(message, 'reasoning_content')) return [{ kind: 'fill_in', name: 'reasoning_content' }]
  return /thought.?signature/i.test(message) ? [{ kind: 'fill_in', name: 'thought_signature' }] : []
}

/** Keywords that are ordinary words, such as `format`, count only when they are quoted or end a path. */
function keywords(message: string, body: RequestBody): Adaptation[] {
  if (!refusing.test(message) && !/invalid json schema/i.test(message)) return []
  const named = [...keywordsOf(body)].filter((keyword) => {
    if (/[$A-Z]|^strict$/.test(keyword)) return names(message, keyword)
    return new RegExp(`["'\`/.]${keyword}["'\`]|keyword:? ${keyword}\\b|/${keyword}\\b`).test(message)
  })
  return named.map((name) => ({ kind: 'leave_out_of_schemas', name }))
}

function fields(message: string, body: RequestBody): Adaptation[] {
  const isChoice =
    'tool_choice' in body && names(message, 'tool_choice') && /(should|must) be|only/i.test(message)
  if (outOfRange.test(message) || !(isChoice || refusing.test(message))) return []
  const limit = limitFields.find((field) => field in body && names(message, field))
  if (limit !== undefined) {
    return [{ kind: 'send_limit_as', name: limit === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens' }]
  }
  const named = optionalFields.filter((field) => field in body && names(message, field))
  // Claude accepts only one of the two.
  const isEither = named.includes('temperature') && named.includes('top_p') && /both/i.test(message)
  return (isEither ? ['top_p'] : named).map((name) => ({ kind: 'leave_out', name }))
}

/** Tries the other JSON format; when that is refused as well, instructions to the model. */
function format(message: string, body: RequestBody, applied: readonly Adaptation[]): Adaptation[] {
  const format = body.response_format as { type: string } | undefined
  const isNamed = /response.?format|json_schema|json_object/i.test(message)
  if (format === undefined || !isNamed) return []
  if (!refusing.test(message) && !/must be|should be|only|one of/i.test(message)) return []
  const isSecond = applied.some(({ kind }) => kind === 'send_format_as')
  const other = format.type === 'json_object' ? 'json_schema' : 'json_object'
  return [{ kind: 'send_format_as', name: isSecond ? 'instructions' : other }]
}

function messages(message: string, body: RequestBody): Adaptation[] {
  const text = JSON.stringify(messagesOf(body))
  const named = extras.filter((name) => text.includes(`"${name}":`) && names(message, name))
  if (named.length > 0 && refusing.test(message)) {
    return named.map((name) => ({ kind: 'leave_out_of_messages', name }))
  }
  if (/roles? must alternate|alternate user/i.test(message)) return [{ kind: 'merge', name: 'messages' }]
  const hasNull = messagesOf(body).some(({ content }) => content === null)
  const isRefused = /content/i.test(message) && /null|none|valid string|required|string_type/i.test(message)
  return hasNull && isRefused ? [{ kind: 'merge', name: 'no_content' }] : []
}
