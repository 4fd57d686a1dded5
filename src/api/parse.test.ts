import { expect, test } from 'vitest'
import type { z } from 'zod'
import { CreateAssistantRequest, ModifyAssistantRequest } from './assistants.ts'
import { ApiError } from './errors.ts'
import { CreateMessageRequest } from './messages.ts'
import { ChatCompletionsRequest, EmbeddingsRequest } from './models.ts'
import { parse } from './parse.ts'
import {
  CreateRunRequest,
  CreateThreadAndRunRequest,
  ModifyRunRequest,
  SubmitToolOutputsRequest,
} from './runs.ts'
import { CreateThreadRequest, ModifyThreadRequest } from './threads.ts'
import { CompleteUploadRequest, CreateUploadRequest } from './uploads.ts'
import {
  CreateVectorStoreFileBatchRequest,
  CreateVectorStoreFileRequest,
  CreateVectorStoreRequest,
  ModifyVectorStoreFileRequest,
  VectorStoreSearchRequest,
} from './vector-stores.ts'

function refusal(schema: z.ZodType, body: unknown): ApiError {
  try {
    parse(schema, body)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('expected a refusal, but the body was accepted')
}

/** What a client reads: message, code and param; the body goes through JSON as it would on the wire. */
function errorOf(schema: z.ZodType, body: string | object) {
  const error = refusal(schema, JSON.parse(typeof body === 'string' ? body : JSON.stringify(body)))
  expect(error.status).toBe(400)
  expect(error.type).toBe('invalid_request_error')
  return [error.message, error.code, error.param]
}

const run = { assistant_id: 'asst_1' }
const assistant = { model: 'gpt-4o' }
const withFunction = (fields: object) => ({ ...assistant, tools: [{ type: 'function', function: fields }] })
const manyPairs = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v']))

test.each<[string, z.ZodType, string | object, string, string, string]>([
  [
    'a required field is missing',
    CreateRunRequest,
    {},
    "Missing required parameter: 'assistant_id'.",
    'missing_required_parameter',
    'assistant_id',
  ],
  [
    'a required field is missing further in',
    CreateMessageRequest,
    { role: 'user', content: 'hi', attachments: [{ file_id: 'file-1' }] },
    "Missing required parameter: 'attachments[0].tools'.",
    'missing_required_parameter',
    'attachments[0].tools',
  ],
  [
    'a key is unknown',
    CreateMessageRequest,
    { role: 'user', content: 'hi', file_ids: [] },
    "Unknown parameter: 'file_ids'.",
    'unknown_parameter',
    'file_ids',
  ],
  [
    'a key further in is unknown',
    CreateAssistantRequest,
    { ...assistant, tools: [{ type: 'code_interpreter', foo: 1 }] },
    "Unknown parameter: 'tools[0].foo'.",
    'unknown_parameter',
    'tools[0].foo',
  ],
  [
    'a type is wrong',
    CreateAssistantRequest,
    { model: true },
    "Invalid type for 'model': expected a string, but got a boolean instead.",
    'invalid_type',
    'model',
  ],
  [
    'a type is none of several',
    CreateMessageRequest,
    { role: 'user', content: 5 },
    "Invalid type for 'content': expected one of a string or array of objects, but got an integer instead.",
    'invalid_type',
    'content',
  ],
  [
    'a tool is not known',
    CreateAssistantRequest,
    { ...assistant, tools: [{ type: 'retrieval' }] },
    "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'function', and 'file_search'.",
    'invalid_value',
    'tools[0].type',
  ],
  [
    'a value is neither of two',
    CreateMessageRequest,
    { role: 'system', content: 'hi' },
    "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
    'invalid_value',
    'role',
  ],
  [
    'a response format is not known',
    CreateAssistantRequest,
    { ...assistant, response_format: { type: 'xml' } },
    "Invalid value: 'xml'. Supported values are: 'json_object', 'json_schema', and 'text'.",
    'invalid_value',
    'response_format.type',
  ],
  [
    'an id is of no assistant',
    CreateRunRequest,
    { assistant_id: 'abc' },
    "Invalid 'assistant_id': 'abc'. Expected an ID that begins with 'asst'.",
    'invalid_value',
    'assistant_id',
  ],
  [
    'an id is of no file',
    CreateThreadRequest,
    {
      messages: [
        { role: 'user', content: 'x', attachments: [{ file_id: 'x', tools: [{ type: 'file_search' }] }] },
      ],
    },
    "Invalid 'messages[0].attachments[0].file_id': 'x'. Expected an ID that begins with 'file'.",
    'invalid_value',
    'messages[0].attachments[0].file_id',
  ],
  [
    'an id is of no vector store',
    ModifyThreadRequest,
    { tool_resources: { file_search: { vector_store_ids: ['x'] } } },
    "Invalid 'tool_resources.file_search.vector_store_ids[0]': 'x'. Expected an ID that begins with 'vs'.",
    'invalid_value',
    'tool_resources.file_search.vector_store_ids[0]',
  ],
  [
    'a string is too long',
    CreateAssistantRequest,
    { ...assistant, name: 'x'.repeat(300) },
    "Invalid 'name': string too long. Expected a string with maximum length 256, but got a string with length 300 instead.",
    'string_above_max_length',
    'name',
  ],
  [
    'a message is too long',
    CreateMessageRequest,
    { role: 'user', content: 'x'.repeat(1_620_133) },
    "Invalid 'content': string too long. Expected a string with maximum length 256000, but got a string with length 1620133 instead.",
    'string_above_max_length',
    'content',
  ],
  [
    'a string is empty',
    CreateMessageRequest,
    { role: 'user', content: '' },
    "Invalid 'content': empty string. Expected a string with minimum length 1, but got an empty string instead.",
    'empty_string',
    'content',
  ],
  [
    'a function name has a space',
    CreateAssistantRequest,
    withFunction({ name: 'get weather' }),
    "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
    'invalid_value',
    'tools[0].function.name',
  ],
  [
    'an array is too long',
    CreateThreadRequest,
    { tool_resources: { file_search: { vector_store_ids: ['vs_1', 'vs_2'] } } },
    "Invalid 'tool_resources.file_search.vector_store_ids': array too long. Expected an array with maximum length 1, but got an array with length 2 instead.",
    'array_above_max_length',
    'tool_resources.file_search.vector_store_ids',
  ],
  [
    'an array is empty',
    CreateMessageRequest,
    { role: 'user', content: [] },
    "Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    'empty_array',
    'content',
  ],
  [
    'an integer is too big',
    CreateVectorStoreRequest,
    { expires_after: { anchor: 'last_active_at', days: 366 } },
    "Invalid 'expires_after.days': integer above maximum value. Expected a value <= 365, but got 366 instead.",
    'integer_above_max_value',
    'expires_after.days',
  ],
  [
    'an integer is too small',
    CreateRunRequest,
    { ...run, max_prompt_tokens: 16 },
    "Invalid 'max_prompt_tokens': integer below minimum value. Expected a value >= 256, but got 16 instead.",
    'integer_below_min_value',
    'max_prompt_tokens',
  ],
  [
    'a decimal is too big',
    CreateAssistantRequest,
    { ...assistant, temperature: 3 },
    "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
    'decimal_above_max_value',
    'temperature',
  ],
  [
    'a decimal is too small',
    CreateAssistantRequest,
    { ...assistant, temperature: -1 },
    "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead.",
    'decimal_below_min_value',
    'temperature',
  ],
  [
    'metadata has too many pairs',
    ModifyRunRequest,
    { metadata: manyPairs },
    "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
    'object_above_max_properties',
    'metadata',
  ],
  [
    'a metadata key is too long',
    ModifyRunRequest,
    { metadata: { ['k'.repeat(65)]: 'v' } },
    `Invalid property name in 'metadata': '${'k'.repeat(65)}' is too long. Expected a string with maximum length 64, but got a string with length 65 instead.`,
    'string_above_max_length',
    'metadata',
  ],
  [
    'a metadata value is too long',
    ModifyRunRequest,
    { metadata: { k: 'v'.repeat(513) } },
    "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead.",
    'string_above_max_length',
    'metadata.k',
  ],
  [
    'a metadata value is no string',
    ModifyRunRequest,
    { metadata: { modified: true } },
    "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.",
    'invalid_type',
    'metadata.modified',
  ],
  [
    'two fields shut each other out',
    CreateVectorStoreFileBatchRequest,
    { file_ids: ['file-1'], files: [{ file_id: 'file-2' }] },
    "Mutually exclusive parameters: 'file_ids' and 'files'. Please provide only one.",
    'mutually_exclusive_parameters',
    'file_ids',
  ],
  [
    'neither of two fields is given',
    CreateVectorStoreFileBatchRequest,
    {},
    "Missing required parameter: 'file_ids'.",
    'missing_required_parameter',
    'file_ids',
  ],
  [
    'one store is named and another described',
    CreateThreadRequest,
    { tool_resources: { file_search: { vector_store_ids: [], vector_stores: [] } } },
    "Mutually exclusive parameters: 'tool_resources.file_search.vector_store_ids' and 'tool_resources.file_search.vector_stores'. Please provide only one.",
    'mutually_exclusive_parameters',
    'tool_resources.file_search.vector_store_ids',
  ],
  [
    'a store is described where it can only be named',
    ModifyAssistantRequest,
    { tool_resources: { file_search: { vector_stores: [] } } },
    "Unknown parameter: 'tool_resources.file_search.vector_stores'.",
    'unknown_parameter',
    'tool_resources.file_search.vector_stores',
  ],
  [
    'chunks overlap by more than half',
    CreateVectorStoreFileRequest,
    {
      file_id: 'file-1',
      chunking_strategy: {
        type: 'static',
        static: { max_chunk_size_tokens: 801, chunk_overlap_tokens: 401 },
      },
    },
    "Invalid 'chunking_strategy.static.chunk_overlap_tokens': integer above maximum value. Expected a value less than or equal to half of 'max_chunk_size_tokens' (400), but got 401 instead.",
    'invalid_value',
    'chunking_strategy.static.chunk_overlap_tokens',
  ],
  [
    'ranking options lack their threshold',
    CreateAssistantRequest,
    {
      ...assistant,
      tools: [{ type: 'file_search', file_search: { ranking_options: { ranker: 'auto' } } }],
    },
    "Missing required parameter: 'tools[0].file_search.ranking_options.score_threshold'.",
    'missing_required_parameter',
    'tools[0].file_search.ranking_options.score_threshold',
  ],
  [
    'an output is no string',
    SubmitToolOutputsRequest,
    { tool_outputs: [{ tool_call_id: 'call_1', output: {} }] },
    "Invalid type for 'tool_outputs[0].output': expected a string, but got an object instead.",
    'invalid_type',
    'tool_outputs[0].output',
  ],
  [
    'the last messages are not counted',
    CreateRunRequest,
    { ...run, truncation_strategy: { type: 'last_messages' } },
    "Missing required parameter: 'truncation_strategy.last_messages'.",
    'missing_required_parameter',
    'truncation_strategy.last_messages',
  ],
  [
    'resources are given where a run takes none',
    CreateRunRequest,
    { ...run, tool_resources: {} },
    "Unknown parameter: 'tool_resources'.",
    'unknown_parameter',
    'tool_resources',
  ],
  [
    'a message inside a thread inside a run is wrong',
    CreateThreadAndRunRequest,
    { ...run, thread: { messages: [{ role: 'tool', content: 'x' }] } },
    "Invalid value: 'tool'. Supported values are: 'user' and 'assistant'.",
    'invalid_value',
    'thread.messages[0].role',
  ],
  [
    'an upload is too big',
    CreateUploadRequest,
    { filename: 'x', purpose: 'vision', bytes: 8_589_934_593, mime_type: 'x/y' },
    "Invalid 'bytes': integer above maximum value. Expected a value <= 8589934592, but got 8589934593 instead.",
    'integer_above_max_value',
    'bytes',
  ],
  [
    'an upload is completed with nothing',
    CompleteUploadRequest,
    { part_ids: [] },
    "Invalid 'part_ids': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    'empty_array',
    'part_ids',
  ],
  [
    'an image is neither a web nor a data address',
    CreateMessageRequest,
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] },
    "Invalid 'content[0].image_url.url': expected an http or https URL, or a data URL with an image in base64.",
    'invalid_value',
    'content[0].image_url.url',
  ],
])('when %s, the client gets the live message', (_, schema, body, ...words) => {
  expect(errorOf(schema, body)).toEqual(words)
})

test.each([
  ['null', 'null'],
  ['"x"', 'a string'],
  ['5', 'an integer'],
  ['5.0', 'an integer'],
  ['0.5', 'a decimal'],
  ['[]', 'an array'],
  ['{}', 'an object'],
])('%s is called %s', (value, noun) => {
  expect(errorOf(CreateRunRequest, `{"assistant_id":"asst_1","parallel_tool_calls":${value}}`)[0]).toBe(
    `Invalid type for 'parallel_tool_calls': expected a boolean, but got ${noun} instead.`,
  )
})

test.each<[string, z.ZodType, object, string]>([
  ['a string', CreateRunRequest, { assistant_id: 5 }, 'assistant_id'],
  ['an integer', CreateRunRequest, { ...run, max_prompt_tokens: 300.5 }, 'max_prompt_tokens'],
  ['an integer', CreateRunRequest, { ...run, max_prompt_tokens: '300' }, 'max_prompt_tokens'],
  ['a decimal', CreateRunRequest, { ...run, temperature: '1' }, 'temperature'],
  ['a boolean', CreateRunRequest, { ...run, stream: 'true' }, 'stream'],
  ['an array', CreateRunRequest, { ...run, tools: {} }, 'tools'],
  ['an object', CreateRunRequest, { ...run, metadata: [1] }, 'metadata'],
  ['an object', CreateRunRequest, { ...run, tools: ['code_interpreter'] }, 'tools[0]'],
  [
    'an object',
    CreateAssistantRequest,
    withFunction({ name: 'f', parameters: [1] }),
    'tools[0].function.parameters',
  ],
  ['a string', CreateRunRequest, { ...run, reasoning_effort: 5 }, 'reasoning_effort'],
  ['a string', CreateAssistantRequest, { ...assistant, tools: [{ type: 1 }] }, 'tools[0].type'],
  ['one of a string or object', CreateRunRequest, { ...run, tool_choice: 5 }, 'tool_choice'],
  ['one of a string or object', CreateRunRequest, { ...run, response_format: [] }, 'response_format'],
  ['one of a string or array of strings', VectorStoreSearchRequest, { query: {} }, 'query'],
  [
    'one of a string, number, or boolean',
    ModifyVectorStoreFileRequest,
    { attributes: { k: null } },
    'attributes.k',
  ],
])('where %s is expected, the error says so', (noun, schema, body, path) => {
  expect(errorOf(schema, body)[0]).toContain(`Invalid type for '${path}': expected ${noun}, but got`)
})

test.each([
  [[1], 'an array'],
  ['x', 'a string'],
  [null, 'null'],
  [5, 'an integer'],
  [false, 'a boolean'],
])('a body that is not an object is refused with its type: %j', (body, noun) => {
  const error = refusal(CreateThreadRequest, body)
  expect(error.message).toBe(
    `Invalid type for the request body: expected an object, but got ${noun} instead.`,
  )
  expect([error.code, error.param]).toEqual(['invalid_type', null])
})

test('an absent body is read as an empty one', () => {
  expect(parse(CreateThreadRequest, undefined)).toEqual({})
  expect(refusal(CreateAssistantRequest, undefined).param).toBe('model')
})

test('an error in a part of a body has its full path', () => {
  const body: unknown = { messages: [{ role: 'x', content: 'x' }] }
  expect(() => parse(CreateThreadRequest, body, { path: 'thread' })).toThrow(
    expect.objectContaining({ param: 'thread.messages[0].role' }),
  )
  expect(() => parse(CreateThreadRequest, { metadata: { a: '\0' } }, { path: 'thread' })).toThrow(
    expect.objectContaining({ param: 'thread.metadata.a' }),
  )
  expect(() => parse(CreateThreadRequest, [1], { path: 'thread' })).toThrow(
    "Invalid type for 'thread': expected an object, but got an array instead.",
  )
})

// Which of several problems is reported.

test.each<[string, z.ZodType, string, string]>([
  [
    'the first in the order of the request',
    CreateRunRequest,
    '{"assistant_id":"asst","top_p":9,"model":5}',
    'top_p',
  ],
  ['turned round, the other', CreateRunRequest, '{"assistant_id":"asst","model":5,"top_p":9}', 'model'],
  ['what is missing before what is wrong', CreateRunRequest, '{"model":5}', 'assistant_id'],
  ['an unknown key in its place', CreateRunRequest, '{"foo":1,"assistant_id":5}', 'foo'],
  ['an unknown key in its place, later', CreateRunRequest, '{"assistant_id":5,"foo":1}', 'assistant_id'],
  ['the first of unknown keys', CreateThreadRequest, '{"zeta":1,"alpha":1}', 'zeta'],
  [
    'the first message with a fault',
    CreateThreadRequest,
    '{"metadata":{},"messages":[{"role":"user","content":"x"},{"role":"x","content":"x"},{"role":5,"content":"x"}]}',
    'messages[1].role',
  ],
  [
    'an earlier fault deep inside before a later one at the top',
    CreateThreadAndRunRequest,
    '{"thread":{"messages":[{"role":"user","content":[{"type":"text","text":5}]}]},"model":5,"assistant_id":"asst"}',
    'thread.messages[0].content[0].text',
  ],
  [
    'the length of a list before its members',
    CreateThreadRequest,
    '{"tool_resources":{"code_interpreter":{"file_ids":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}}}',
    'tool_resources.code_interpreter.file_ids',
  ],
  ['the first missing one as the schema has them', CreateMessageRequest, '{}', 'role'],
  ['the branch of tokens that was meant', EmbeddingsRequest, '{"model":"m","input":[1,2,"x"]}', 'input[2]'],
  ['the branch of texts that was meant', EmbeddingsRequest, '{"model":"m","input":["x","y",1]}', 'input[2]'],
])('one of several errors is reported: %s', (_, schema, body, param) => {
  expect(errorOf(schema, body)[2]).toBe(param)
})

// Null, absence, defaults.

test('null in a nullable field is the same as an absent field', () => {
  const nulls = {
    name: null,
    description: null,
    instructions: null,
    tools: null,
    tool_resources: null,
    metadata: null,
    temperature: null,
    top_p: null,
    reasoning_effort: null,
    response_format: null,
  }
  expect(parse(CreateAssistantRequest, { ...assistant, ...nulls })).toEqual({ ...assistant, ...nulls })
  const runNulls = {
    model: null,
    instructions: null,
    additional_instructions: null,
    additional_messages: null,
    tools: null,
    metadata: null,
    stream: null,
    max_prompt_tokens: null,
    max_completion_tokens: null,
    truncation_strategy: null,
    tool_choice: null,
    response_format: null,
  }
  expect(parse(CreateRunRequest, { ...run, ...runNulls })).toMatchObject(runNulls)
})

test.each<[z.ZodType, object, string]>([
  [CreateAssistantRequest, { model: null }, 'model'],
  [CreateRunRequest, { assistant_id: null }, 'assistant_id'],
  [CreateThreadRequest, { messages: null }, 'messages'],
  [CreateThreadAndRunRequest, { ...run, thread: null }, 'thread'],
  [CreateRunRequest, { ...run, parallel_tool_calls: null }, 'parallel_tool_calls'],
  [
    SubmitToolOutputsRequest,
    { tool_outputs: [{ tool_call_id: 'x', output: null }] },
    'tool_outputs[0].output',
  ],
])('null in a field that cannot be null is refused (%#)', (schema, body, path) => {
  const [message, code, param] = errorOf(schema, body)
  expect(message).toContain('but got null instead.')
  expect([code, param]).toEqual(['invalid_type', path])
})

test('an absent field stays absent, so that a modification does not change it', () => {
  expect(parse(ModifyAssistantRequest, {})).toEqual({})
  expect(parse(ModifyThreadRequest, { metadata: {} })).toEqual({ metadata: {} })
  expect(parse(ModifyThreadRequest, { tool_resources: { code_interpreter: {} } })).toEqual({
    tool_resources: { code_interpreter: { file_ids: [] } },
  })
})

test('the defaults of the API are filled in', () => {
  expect(parse(CreateRunRequest, run)).toEqual({ ...run, parallel_tool_calls: true })
  expect(
    parse(CreateRunRequest, { ...run, truncation_strategy: { type: 'auto' } }).truncation_strategy,
  ).toEqual({
    type: 'auto',
    last_messages: null,
  })
  const image = { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } }
  expect(parse(CreateMessageRequest, { role: 'user', content: [image] }).content).toEqual([
    { type: 'image_url', image_url: { url: 'https://example.com/cat.png', detail: 'auto' } },
  ])
  expect(parse(VectorStoreSearchRequest, { query: 'x' })).toEqual({
    query: 'x',
    rewrite_query: false,
    max_num_results: 10,
  })
  expect(
    parse(SubmitToolOutputsRequest, { tool_outputs: [{ tool_call_id: 'call_1' }] }).tool_outputs,
  ).toEqual([{ tool_call_id: 'call_1', output: '' }])
  expect(parse(EmbeddingsRequest, { model: 'm', input: 'x' }).encoding_format).toBe('float')
})

test('empty names and instructions are accepted as they are', () => {
  const body = { ...assistant, name: '', description: '', instructions: '' }
  expect(parse(CreateAssistantRequest, body)).toEqual(body)
})

test('metadata keeps its keys in the order given, whatever they are called', () => {
  const metadata: unknown = JSON.parse('{"zeta":"1","alpha":"2","constructor":"3","toString":"4","":"5"}')
  const parsed = parse(ModifyRunRequest, { metadata })
  expect(Object.keys(parsed.metadata ?? {})).toEqual(['zeta', 'alpha', 'constructor', 'toString', ''])
})

test('the parameters of a function may contain any JSON', () => {
  const parameters: unknown = JSON.parse(
    '{"type":"object","constructor":null,"properties":{"constructor":{"prototype":{}},"x":{"enum":[null,1,[]]}},"zzz":[1]}',
  )
  const parsed = parse(CreateAssistantRequest, withFunction({ name: 'f', parameters: parameters as object }))
  expect(parsed.tools).toEqual([{ type: 'function', function: { name: 'f', parameters } }])
})

test.each(['https://example.com/a.png?x=1', 'HTTP://example.com', 'data:image/png;base64,iVBORw0KGgo='])(
  'an image may come from %s',
  (url) => {
    const body = { role: 'user', content: [{ type: 'image_url', image_url: { url } }] }
    expect(parse(CreateMessageRequest, body).content).toHaveLength(1)
  },
)

test.each([
  '',
  'x',
  'ftp://x/y',
  'javascript:alert(1)',
  'http://',
  'data:text/html;base64,AAAA',
  'data:image/png,x',
])('an image URL %j is refused', (url) => {
  const body = { role: 'user', content: [{ type: 'image_url', image_url: { url } }] }
  expect(errorOf(CreateMessageRequest, body)[2]).toBe('content[0].image_url.url')
})

test('filters may be nested, and an error in them is found', () => {
  const filters = {
    type: 'and',
    filters: [
      { type: 'eq', key: 'region', value: 'us' },
      {
        type: 'or',
        filters: [
          { type: 'in', key: 'lang', value: ['en', 5] },
          { type: 'gte', key: 'y', value: 1 },
        ],
      },
    ],
  }
  expect(parse(VectorStoreSearchRequest, { query: ['a', 'b'], filters }).filters).toEqual(filters)
  const wrong = (inner: unknown) => ({
    query: 'x',
    filters: { type: 'or', filters: [{ type: 'and', filters: [inner] }] },
  })
  expect(errorOf(VectorStoreSearchRequest, wrong({ type: 'like', key: 'k', value: 'v' }))).toEqual([
    "Invalid value: 'like'. Supported values are: 'eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin', 'and', and 'or'.",
    'invalid_value',
    'filters.filters[0].filters[0].type',
  ])
  expect(errorOf(VectorStoreSearchRequest, wrong({ type: 'eq', key: 'k', value: null }))[0]).toBe(
    "Invalid type for 'filters.filters[0].filters[0].value': expected one of a string, number, boolean, or array, but got null instead.",
  )
  expect(errorOf(VectorStoreSearchRequest, { query: 'x', filters: { type: 'and', filters: [] } })[1]).toBe(
    'empty_array',
  )
})

test('errors of embeddings keep their own older wording', () => {
  expect(errorOf(EmbeddingsRequest, { model: 'm', input: 'x', dimensions: -42 })).toEqual([
    "-42 is less than the minimum of 1 - 'dimensions'",
    null,
    null,
  ])
})

test('requests that are only passed on keep their unknown keys', () => {
  const body = {
    model: 'm',
    messages: [{ role: 'user', content: 'x', name: 'y' }],
    anything: { at: ['all'] },
  }
  expect(parse(ChatCompletionsRequest, body)).toEqual(body)
  expect(parse(EmbeddingsRequest, { model: 'm', input: [[1, 2], [3]], extra: 1 })).toMatchObject({ extra: 1 })
})
