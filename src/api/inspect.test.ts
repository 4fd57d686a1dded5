import { expect, test } from 'vitest'
import type { z } from 'zod'
import { CreateAssistantRequest } from './assistants.ts'
import { ApiError } from './errors.ts'
import { CreateMessageRequest } from './messages.ts'
import { EmbeddingsRequest } from './models.ts'
import { parse } from './parse.ts'
import { CreateRunRequest, ModifyRunRequest } from './runs.ts'
import { CreateThreadRequest } from './threads.ts'
import { VectorStoreSearchRequest } from './vector-stores.ts'

/** What a client reads when the body is refused: message, code and param. */
function errorOf(schema: z.ZodType, body: string | object) {
  try {
    parse(schema, JSON.parse(typeof body === 'string' ? body : JSON.stringify(body)))
  } catch (error) {
    if (error instanceof ApiError) return [error.message, error.code, error.param]
    throw error
  }
  throw new Error('expected a refusal, but the body was accepted')
}

const assistant = { model: 'gpt-4o' }
const withFunction = (fields: object) => ({ ...assistant, tools: [{ type: 'function', function: fields }] })

test('integers may be written with a decimal point', () => {
  const parsed = parse(CreateRunRequest, JSON.parse('{"assistant_id":"asst_1","max_prompt_tokens":256.0}'))
  expect(parsed.max_prompt_tokens).toBe(256)
})

test('minus zero is read as zero', () => {
  const parsed = parse(CreateRunRequest, JSON.parse('{"assistant_id":"asst_1","temperature":-0}'))
  expect(JSON.stringify(parsed.temperature)).toBe('0')
})

test.each([
  [
    'temperature',
    '1e400',
    'decimal above maximum value. Expected a value <= 1.7976931348623157e+308, but got Infinity',
  ],
  [
    'temperature',
    '-1e400',
    'decimal below minimum value. Expected a value >= -1.7976931348623157e+308, but got -Infinity',
  ],
  ['max_prompt_tokens', '1e400', 'decimal above maximum value'],
  ['max_prompt_tokens', '1e30', 'integer above maximum value. Expected a value <= 2147483647, but got 1e+30'],
  ['max_prompt_tokens', '2147483648', 'integer above maximum value. Expected a value <= 2147483647'],
  ['max_prompt_tokens', '-1e30', 'integer below minimum value. Expected a value >= 256, but got -1e+30'],
])('%s: %s is refused as out of range', (field, number, words) => {
  const [message] = errorOf(CreateRunRequest, `{"assistant_id":"asst_1","${field}":${number}}`)
  expect(message).toContain(`Invalid '${field}': ${words}`)
})

test('a number that would print as null is refused even where anything may stand', () => {
  const body = `{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","x":[0,1e999]}}}]}`
  expect(errorOf(CreateAssistantRequest, body)[2]).toBe('tools[0].function.parameters.x[1]')
})

test('lengths count characters, not UTF-16 units', () => {
  expect(parse(CreateAssistantRequest, { ...assistant, name: '😀'.repeat(256) }).name).toHaveLength(512)
  expect(errorOf(CreateAssistantRequest, { ...assistant, name: '😀'.repeat(257) })[0]).toContain(
    'with length 257 instead',
  )
  const key = '😀'.repeat(64)
  expect(parse(ModifyRunRequest, { metadata: { [key]: '😀'.repeat(512) } }).metadata).toHaveProperty(key)
})

test.each<[string, z.ZodType, string, string]>([
  ['a NUL character', CreateMessageRequest, '{"role":"user","content":"a\\u0000b"}', 'content'],
  ['a NUL character', ModifyRunRequest, '{"metadata":{"a\\u0000":"x"}}', 'metadata.a\0'],
  ['half of a surrogate pair', CreateMessageRequest, '{"role":"user","content":"a\\ud83d"}', 'content'],
  ['half of a surrogate pair', ModifyRunRequest, '{"metadata":{"k":"\\ude00\\ud83d"}}', 'metadata.k'],
  [
    'half of a surrogate pair',
    CreateAssistantRequest,
    '{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"\\ud800":1}}}]}',
    'tools[0].function.parameters.\ud800',
  ],
])('%s cannot be stored, and the error names its place (%#)', (what, schema, body, param) => {
  expect(errorOf(schema, body)).toEqual([
    `Invalid '${param}': the string contains ${what}, which cannot be stored.`,
    'invalid_value',
    param,
  ])
})

test('a wrong type is reported before text that cannot be stored', () => {
  expect(errorOf(CreateMessageRequest, '{"content":"\\u0000","role":"x"}')[2]).toBe('role')
})

test.each<[z.ZodType, string, string]>([
  [CreateThreadRequest, '{"__proto__":{"polluted":true}}', '__proto__'],
  [CreateThreadRequest, '{"metadata":{"a":"b","__proto__":"x"}}', 'metadata.__proto__'],
  [
    CreateAssistantRequest,
    '{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"x":[{"__proto__":{}}]}}}]}',
    'tools[0].function.parameters.x[0].__proto__',
  ],
])('a key named __proto__ is refused at any place (%#)', (schema, body, path) => {
  expect(errorOf(schema, body)).toEqual([`Unknown parameter: '${path}'.`, 'unknown_parameter', path])
  expect({}).not.toHaveProperty('polluted')
})

test.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
  'a key named %s is only unknown',
  (key) => {
    expect(errorOf(CreateThreadRequest, { [key]: 1 })).toEqual([
      `Unknown parameter: '${key}'.`,
      'unknown_parameter',
      key,
    ])
  },
)

const nested = (open: string, close: string, depth: number) => open.repeat(depth) + '1' + close.repeat(depth)

test.each([
  ['objects', nested('{"a":', '}', 100_000)],
  ['arrays', nested('[', ']', 100_000)],
])('a hundred thousand %s inside one another are refused', (_, value) => {
  const body = `{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"x":${value}}}}]}`
  expect(errorOf(CreateAssistantRequest, body)).toEqual([
    'Invalid request body: nested deeper than 512 levels.',
    'invalid_value',
    null,
  ])
})

test('a body of the allowed depth is accepted completely', () => {
  const parameters: unknown = JSON.parse(nested('{"a":', '}', 500))
  const parsed = parse(CreateAssistantRequest, withFunction({ name: 'f', parameters: parameters as object }))
  expect(JSON.stringify(parsed.tools)).toContain(nested('{"a":', '}', 500))
})

test('filters as deep as a body may be are checked without running out of stack', () => {
  const deep = (inner: string) => `${'{"type":"and","filters":['.repeat(200)}${inner}${']}'.repeat(200)}`
  const body = (inner: string) => JSON.parse(`{"query":"x","filters":${deep(inner)}}`) as object
  expect(parse(VectorStoreSearchRequest, body('{"type":"eq","key":"k","value":1}')).filters).toBeDefined()
  expect(errorOf(VectorStoreSearchRequest, body('{"type":"eq","key":"k"}'))[1]).toBe(
    'missing_required_parameter',
  )
})

test('a body of too many values is refused before its shape is looked at', () => {
  const body = { messages: Array.from({ length: 200_000 }, () => 0) }
  expect(errorOf(CreateThreadRequest, body)[0]).toBe('Invalid request body: more than 200000 values.')
  expect(
    parse(EmbeddingsRequest, { model: 'm', input: Array(300_000).fill(1) }, { maxValues: 1e6 }).input,
  ).toHaveLength(300_000)
})

test.each<[string, object, string]>([
  ['wrong members', { messages: Array(190_000).fill(0) }, 'messages[0]'],
  ['empty members', { messages: Array.from({ length: 190_000 }, () => ({})) }, 'messages[0].role'],
  [
    'wrong pairs',
    { metadata: Object.fromEntries(Array.from({ length: 190_000 }, (_, i) => [`k${i}`, i])) },
    'metadata',
  ],
  ['unknown keys', Object.fromEntries(Array.from({ length: 190_000 }, (_, i) => [`k${i}`, i])), 'k0'],
])('a body of many %s gets an error for the first', (_, body, param) => {
  expect(errorOf(CreateThreadRequest, body)[2]).toBe(param)
})

test('the parsed request shares no object with the original body', () => {
  const metadata = { a: 'b' }
  const parsed = parse(ModifyRunRequest, { metadata })
  metadata.a = 'c'
  expect(parsed).toEqual({ metadata: { a: 'b' } })
})
