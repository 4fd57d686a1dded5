import { expect, test } from 'vitest'
import { ApiError } from './errors.ts'
import type { IdKind } from './fields.ts'
import { CreateFileRequest } from './files.ts'
import {
  ListAssistantsQuery,
  ListFilesQuery,
  ListMessagesQuery,
  ListQuery,
  ListVectorStoreFilesQuery,
} from './lists.ts'
import { parseForm, parseId, parseQuery } from './parse.ts'
import { IncludeQuery, includeResultContent, ListRunStepsQuery } from './run-steps.ts'

function errorOf(act: () => unknown) {
  try {
    act()
  } catch (error) {
    if (error instanceof ApiError) return [error.message, error.code, error.param]
    throw error
  }
  throw new Error('expected a refusal, but the input was accepted')
}

test('a list query without parameters asks for the twenty newest', () => {
  expect(parseQuery(ListQuery, {})).toEqual({ limit: 20, order: 'desc' })
  expect(parseQuery(ListFilesQuery, {})).toEqual({ limit: 10_000, order: 'desc' })
})

test('numbers in a query are read from text', () => {
  const query = { limit: '3', order: 'asc', after: 'msg_1', before: 'msg_9', run_id: 'run_1' }
  expect(parseQuery(ListMessagesQuery, query)).toEqual({ ...query, limit: 3 })
  expect(parseQuery(ListFilesQuery, { limit: '10000', purpose: '5' })).toMatchObject({
    limit: 10_000,
    purpose: '5',
  })
})

test('unknown keys of a query are ignored', () => {
  expect(parseQuery(ListQuery, { 'include[]': 'x', foo: ['a'], limit: '1' })).toEqual({
    limit: 1,
    order: 'desc',
  })
})

test.each([
  [
    '0',
    "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    'integer_below_min_value',
  ],
  [
    '-5',
    "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got -5 instead.",
    'integer_below_min_value',
  ],
  [
    '101',
    "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
    'integer_above_max_value',
  ],
  ['abc', "Invalid type for 'limit': expected an integer, but got a string instead.", 'invalid_type'],
  ['', "Invalid type for 'limit': expected an integer, but got a string instead.", 'invalid_type'],
  ['1e1', "Invalid type for 'limit': expected an integer, but got a string instead.", 'invalid_type'],
  ['1.5', "Invalid type for 'limit': expected an integer, but got a decimal instead.", 'invalid_type'],
  [['1', '2'], "Invalid type for 'limit': expected an integer, but got an array instead.", 'invalid_type'],
])('limit=%s is refused with the live message', (limit, message, code) => {
  expect(errorOf(() => parseQuery(ListQuery, { limit }))).toEqual([message, code, 'limit'])
})

test.each([
  [
    ListQuery,
    { order: 'newest' },
    "Invalid value: 'newest'. Supported values are: 'asc' and 'desc'.",
    'order',
  ],
  [
    ListAssistantsQuery,
    { after: 'x' },
    "Invalid 'after': 'x'. Expected an ID that begins with 'asst'.",
    'after',
  ],
  [
    ListMessagesQuery,
    { run_id: 'x' },
    "Invalid 'run_id': 'x'. Expected an ID that begins with 'run'.",
    'run_id',
  ],
  [
    ListVectorStoreFilesQuery,
    { filter: 'done' },
    "Invalid value: 'done'. Supported values are: 'in_progress', 'completed', 'failed', and 'cancelled'.",
    'filter',
  ],
  [
    ListFilesQuery,
    { after: 'a\0' },
    "Invalid 'after': the string contains a NUL character, which cannot be stored.",
    'after',
  ],
])('an invalid query is refused (%#)', (schema, query, message, param) => {
  expect(errorOf(() => parseQuery(schema, query))).toEqual([message, 'invalid_value', param])
})

test.each([
  [{ 'include[]': includeResultContent }],
  [{ 'include[]': [includeResultContent] }],
  [{ include: includeResultContent }],
  [{ include: [includeResultContent] }],
])('include is read in every spelling (%#)', (query) => {
  expect(parseQuery(IncludeQuery, query)).toEqual({ include: [includeResultContent] })
  expect(parseQuery(ListRunStepsQuery, query).include).toEqual([includeResultContent])
})

test('include is empty by default, and unknown values are refused', () => {
  expect(parseQuery(IncludeQuery, {})).toEqual({ include: [] })
  expect(errorOf(() => parseQuery(IncludeQuery, { 'include[]': ['file_search'] }))).toEqual([
    `Invalid value: 'file_search'. Supported values are: '${includeResultContent}'.`,
    'invalid_value',
    'include[0]',
  ])
})

test('nested fields of a form are read from names with brackets', () => {
  expect(
    parseForm(CreateFileRequest, {
      'expires_after[seconds]': '3600',
      'expires_after[anchor]': 'created_at',
      purpose: 'assistants',
    }),
  ).toEqual({ purpose: 'assistants', expires_after: { anchor: 'created_at', seconds: 3600 } })
})

test.each([
  [
    { purpose: 'world_domination' },
    "'world_domination' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'",
    null,
    'purpose',
  ],
  [{}, "Missing required parameter: 'purpose'.", 'missing_required_parameter', 'purpose'],
  [
    { purpose: 'vision', 'expires_after[seconds]': '1', 'expires_after[anchor]': 'created_at' },
    "Invalid 'expires_after.seconds': integer below minimum value. Expected a value >= 3600, but got 1 instead.",
    'integer_below_min_value',
    'expires_after.seconds',
  ],
  [{ purpose: 'vision', 'a[b]': '1' }, "Unknown parameter: 'a'.", 'unknown_parameter', 'a'],
  [
    { purpose: 'vision', '__proto__[b]': '1' },
    "Unknown parameter: '__proto__'.",
    'unknown_parameter',
    '__proto__',
  ],
])('a form with a wrong field is refused (%#)', (fields, message, code, param) => {
  expect(errorOf(() => parseForm(CreateFileRequest, fields as Record<string, string>))).toEqual([
    message,
    code,
    param,
  ])
})

test.each<[IdKind, string, string, string]>([
  ['thread', 'undefined', 'thread_id', 'thread'],
  ['assistant', 'null', 'assistant_id', 'asst'],
  ['message', 'x', 'message_id', 'msg'],
  ['run', 'x', 'run_id', 'run'],
  ['step', 'x', 'step_id', 'step'],
  ['vector_store', 'x', 'vector_store_id', 'vs'],
  ['file_batch', 'x', 'batch_id', 'vsfb'],
  ['file', 'x', 'file_id', 'file'],
])('a path with another prefix than that of a %s gets a 400', (kind, value, param, prefix) => {
  expect(errorOf(() => parseId(kind, value))).toEqual([
    `Invalid '${param}': '${value}'. Expected an ID that begins with '${prefix}'.`,
    'invalid_value',
    param,
  ])
})

test('an id is checked by its prefix only', () => {
  expect(parseId('step', 'step_123')).toBe('step_123')
  expect(parseId('thread', 'threadfoo')).toBe('threadfoo')
})

test('an id that no object can have is not found', () => {
  expect(() => parseId('thread', 'thread_\0')).toThrow(expect.objectContaining({ status: 404 }))
})
