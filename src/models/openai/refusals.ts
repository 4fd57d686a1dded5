/** Reads from a refusal which parts of a request the server does not want, and what to send in their place. */
import { messagesOf, type Adaptation } from './adaptations.ts'
import type { RequestBody } from './request.ts'
import { keywordsOf } from './schema-keywords.ts'

/** Words that refuse a field or its value, as servers write them. A value out of its range is an error of the user. */
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
 * What to change after the server refused `body` in the words `said`, besides what was `applied` already; nothing when
 * the refusal names no part of the body that can be done without. The rules are tried in order.
 */
export function readRefusal(said: string, body: RequestBody, applied: readonly Adaptation[]): Adaptation[] {
  const isNew = ({ kind, name }: Adaptation) => !applied.some((one) => one.kind === kind && one.name === name)
  for (const rule of [twoSteps, missingExtras, keywords, fields, format, messages]) {
    const found = rule(said, body, applied).filter(isNew)
    if (found.length > 0) return found
  }
  return []
}

/** A name that stands by itself in the text, in quotes or not. */
function names(said: string, field: string): boolean {
  const literal = field.replaceAll('$', String.raw`\$`)
  return new RegExp(String.raw`(^|[^\w$])${literal}($|[^\w])`).test(said)
}

/** llama.cpp, Groq and Gemini refuse tools together with a response format. */
function twoSteps(said: string, { tools, response_format }: RequestBody): Adaptation[] {
  if (tools === undefined || response_format === undefined) return []
  const form = String.raw`(grammar|response.?(format|mime.?type)|json.?mode|json.?schema)`
  const tool = String.raw`(tools?\b(?!\[)|function.?call)`
  const both = new RegExp(`${form}[^.]*${tool}|${tool}[^.]*${form}`, 'i')
  const refused = refusing.test(said) || /cannot|can't|combined|together/i.test(said)
  return both.test(said) && refused ? [{ kind: 'ask_in_two_steps', name: 'response_format' }] : []
}

/** The thread has turns of another model, which left no reasoning or signature. */
function missingExtras(said: string): Adaptation[] {
  if (!/missing|must be|required/i.test(said)) return []
  if (names(said, 'reasoning_content')) return [{ kind: 'fill_in', name: 'reasoning_content' }]
  return /thought.?signature/i.test(said) ? [{ kind: 'fill_in', name: 'thought_signature' }] : []
}

/** Plain words such as `format` count only where they are quoted or end a path. */
function keywords(said: string, body: RequestBody): Adaptation[] {
  if (!refusing.test(said) && !/invalid json schema/i.test(said)) return []
  const named = [...keywordsOf(body)].filter((keyword) => {
    if (/[$A-Z]|^strict$/.test(keyword)) return names(said, keyword)
    return new RegExp(`["'\`/.]${keyword}["'\`]|keyword:? ${keyword}\\b|/${keyword}\\b`).test(said)
  })
  return named.map((name) => ({ kind: 'leave_out_of_schemas', name }))
}

function fields(said: string, body: RequestBody): Adaptation[] {
  const isChoice = 'tool_choice' in body && names(said, 'tool_choice') && /(should|must) be|only/i.test(said)
  if (outOfRange.test(said) || !(isChoice || refusing.test(said))) return []
  const limit = limitFields.find((field) => field in body && names(said, field))
  if (limit !== undefined) {
    return [{ kind: 'send_limit_as', name: limit === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens' }]
  }
  const named = optionalFields.filter((field) => field in body && names(said, field))
  // Claude takes one of the two.
  const isEither = named.includes('temperature') && named.includes('top_p') && /both/i.test(said)
  return (isEither ? ['top_p'] : named).map((name) => ({ kind: 'leave_out', name }))
}

/** The other form of JSON, and where that is refused as well, instructions to the model. */
function format(said: string, body: RequestBody, applied: readonly Adaptation[]): Adaptation[] {
  const format = body.response_format as { type: string } | undefined
  const isNamed = /response.?format|json_schema|json_object/i.test(said)
  if (format === undefined || !isNamed) return []
  if (!refusing.test(said) && !/must be|should be|only|one of/i.test(said)) return []
  const isSecond = applied.some(({ kind }) => kind === 'send_format_as')
  const other = format.type === 'json_object' ? 'json_schema' : 'json_object'
  return [{ kind: 'send_format_as', name: isSecond ? 'instructions' : other }]
}

function messages(said: string, body: RequestBody): Adaptation[] {
  const text = JSON.stringify(messagesOf(body))
  const named = extras.filter((name) => text.includes(`"${name}":`) && names(said, name))
  if (named.length > 0 && refusing.test(said)) {
    return named.map((name) => ({ kind: 'leave_out_of_messages', name }))
  }
  if (/roles? must alternate|alternate user/i.test(said)) return [{ kind: 'merge', name: 'messages' }]
  const hasNull = messagesOf(body).some(({ content }) => content === null)
  const isRefused = /content/i.test(said) && /null|none|valid string|required|string_type/i.test(said)
  return hasNull && isRefused ? [{ kind: 'merge', name: 'no_content' }] : []
}
