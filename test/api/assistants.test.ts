import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectObject, keysOf } from '../harness/shapes.ts'
import { stories } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({
    models: {
      providers: { demo: { type: 'demo' } },
      models: { 'gpt-*': 'demo', o3: 'demo' },
    },
  })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, newAssistant } = stories(() => server)

async function refusal(method: string, path: string, body?: unknown) {
  const answer = await server.request(method, path, body)
  return { status: answer.status, body: answer.body }
}

test('an assistant that was created with only a model has fourteen keys and the defaults of the live service', async () => {
  const assistant = await newAssistant()
  expectObject('assistant', assistant)
  expect(Object.keys(assistant)).toHaveLength(14)
  expect(assistant).toEqual({
    id: expect.stringMatching(/^asst_[A-Za-z0-9]{24}$/),
    object: 'assistant',
    created_at: Math.floor(server.clock.nowMs() / 1000),
    name: null,
    description: null,
    model: 'gpt-4o',
    instructions: null,
    tools: [],
    top_p: 1,
    temperature: 1,
    reasoning_effort: null,
    tool_resources: {},
    metadata: {},
    response_format: 'auto',
  })
  expect(await get(`/assistants/${assistant.id}`)).toEqual(assistant)
})

test('an assistant shows every field of its request, with keys in wire order, when it is created and retrieved', async () => {
  const fields = {
    name: 'Helper',
    description: 'Helps',
    model: 'gpt-4o-mini',
    instructions: 'Be kind.',
    tools: [{ type: 'function', function: { name: 'f' } }],
    top_p: 0.5,
    temperature: 0.25,
    reasoning_effort: 'low',
    tool_resources: { code_interpreter: { file_ids: [] }, file_search: { vector_store_ids: [] } },
    metadata: { zebra: '1', apple: '2' },
    response_format: { type: 'json_object' },
  }
  const assistant = await post('/assistants', fields)
  expectObject('assistant', assistant)
  expect(assistant).toMatchObject({
    ...fields,
    tools: [
      {
        type: 'function',
        function: { name: 'f', parameters: { type: 'object', properties: {} }, strict: false },
      },
    ],
  })
  expect(Object.keys(assistant.metadata)).toEqual(['zebra', 'apple'])
  const fetched = await get(`/assistants/${assistant.id}`)
  expect(JSON.stringify(fetched)).toBe(JSON.stringify(assistant))
})

test('null in a nullable field is the same as an absent field', async () => {
  const nothing = Object.fromEntries(
    [
      'name',
      'description',
      'instructions',
      'tools',
      'tool_resources',
      'metadata',
      'temperature',
      'top_p',
      'reasoning_effort',
      'response_format',
    ].map((key) => [key, null]),
  )
  const assistant = await newAssistant(nothing)
  expect(assistant).toMatchObject({
    name: null,
    tools: [],
    tool_resources: {},
    metadata: {},
    temperature: 1,
    top_p: 1,
    response_format: 'auto',
  })
})

test('an assistant keeps empty texts as empty texts', async () => {
  expect(await newAssistant({ name: '', description: '', instructions: '' })).toMatchObject({
    name: '',
    description: '',
    instructions: '',
  })
})

test('an assistant shows function tools with their defaults, and their schema byte for byte', async () => {
  const parameters = {
    type: 'object',
    properties: { zulu: { type: 'string' }, alpha: { type: 'number', default: 1.5 } },
    required: ['zulu'],
  }
  const tools = [
    { type: 'function', function: { name: 'bare' } },
    { type: 'function', function: { name: 'full', description: 'Does it', parameters } },
    {
      type: 'function',
      function: {
        name: 'strict',
        parameters: {
          type: 'object',
          properties: { a: { type: 'string' } },
          required: ['a'],
          additionalProperties: false,
        },
        strict: true,
      },
    },
  ]
  const assistant = await newAssistant({ tools })
  const fetched = await get(`/assistants/${assistant.id}`)
  for (const echo of [assistant, fetched]) {
    expect(echo.tools[0].function).toEqual({
      name: 'bare',
      parameters: { type: 'object', properties: {} },
      strict: false,
    })
    expect(JSON.stringify(echo.tools[1].function)).toBe(
      JSON.stringify({ name: 'full', description: 'Does it', parameters, strict: false }),
    )
    expect(echo.tools[2].function.strict).toBe(true)
  }
})

test.each([
  ['auto', 'auto'],
  [{ type: 'text' }, { type: 'text' }],
  [{ type: 'json_object' }, { type: 'json_object' }],
  [
    { type: 'json_schema', json_schema: { name: 'Out', schema: { type: 'object' } } },
    {
      type: 'json_schema',
      json_schema: { name: 'Out', description: null, schema: { type: 'object' }, strict: false },
    },
  ],
])('response_format %j is echoed', async (response_format, echo) => {
  expect((await newAssistant({ response_format })).response_format).toEqual(echo)
})

test.each([
  [{}, errors.missingParameter('model')],
  [{ model: 'llama' }, errors.requestedModelNotFound('llama')],
  [{ model: '' }, errors.emptyString('model')],
  [{ model: null }, errors.invalidType('model', 'a string', 'null')],
  [{ model: 'gpt-4o', file_ids: [] }, errors.unknownParameter('file_ids')],
  [
    { model: 'gpt-4o', tools: [{ type: 'code_interpreter', foo: 1 }] },
    errors.unknownParameter('tools[0].foo'),
  ],
  [
    { model: 'gpt-4o', tools: [{ type: 'retrieval' }] },
    errors.invalidValue('tools[0].type', 'retrieval', ['code_interpreter', 'function', 'file_search']),
  ],
  [
    { model: 'gpt-4o', tools: [{ type: 'function', function: { name: 'no spaces' } }] },
    errors.patternMismatch('tools[0].function.name', '^[a-zA-Z0-9_-]+$'),
  ],
  [{ model: 'gpt-4o', name: 'a'.repeat(257) }, errors.stringTooLong('name', 256, 257)],
  [{ model: 'gpt-4o', description: 'a'.repeat(513) }, errors.stringTooLong('description', 512, 513)],
  [
    { model: 'gpt-4o', instructions: 'a'.repeat(256_001) },
    errors.stringTooLong('instructions', 256_000, 256_001),
  ],
  [{ model: 'gpt-4o', temperature: 3 }, errors.decimalTooBig('temperature', 2, 3)],
  [{ model: 'gpt-4o', temperature: -1 }, errors.decimalTooSmall('temperature', 0, -1)],
  [{ model: 'gpt-4o', top_p: 1.5 }, errors.decimalTooBig('top_p', 1, 1.5)],
  [{ model: 'gpt-4o', metadata: { ok: true } }, errors.invalidType('metadata.ok', 'a string', 'a boolean')],
  [
    { model: 'gpt-4o', response_format: { type: 'xml' } },
    errors.invalidValue('response_format.type', 'xml', ['json_object', 'json_schema', 'text']),
  ],
  [
    { model: 'gpt-4o', tools: Array.from({ length: 129 }, () => ({ type: 'function' })) },
    errors.arrayTooLong('tools', 128, 129),
  ],
  [
    { model: 'gpt-4o', tool_resources: { file_search: { vector_store_ids: ['vs_1', 'vs_2'] } } },
    errors.arrayTooLong('tool_resources.file_search.vector_store_ids', 1, 2),
  ],
  [
    {
      model: 'gpt-4o',
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'string' } } }],
    },
    errors.invalidFunctionSchema(
      'tools[0].function.parameters',
      'f',
      'schema must be a JSON Schema of \'type: "object"\', got \'type: "string"\'.',
    ),
  ],
])('creating from %j is refused', async (body, error) => {
  expect(await refusal('POST', '/assistants', body)).toEqual(wireError(error))
})

test('a function may not have the name of a built-in tool, in assistants and in runs', async () => {
  const named = (name: string) => ({ type: 'function', function: { name } })
  const at = (index: number, name: string) =>
    wireError(errors.reservedFunctionName(`tools[${index}].function.name`, name))
  const beside = [{ type: 'file_search' }, named('file_search')]
  const assistant = await newAssistant({ instructions: 'Say hello.' })
  const asked = { assistant_id: assistant.id }
  const thread = await post('/threads')
  for (const [path, body] of [
    ['/assistants', { model: 'gpt-4o' }],
    [`/assistants/${assistant.id}`, {}],
    ['/threads/runs', asked],
    [`/threads/${thread.id}/runs`, asked],
  ] as const) {
    expect(await refusal('POST', path, { ...body, tools: beside })).toEqual(at(1, 'file_search'))
    expect(await refusal('POST', path, { ...body, tools: [named('code_interpreter')] })).toEqual(
      at(0, 'code_interpreter'),
    )
  }
  const tools = [{ type: 'file_search' }, named('file_search_2')]
  expect((await newAssistant({ tools })).tools).toHaveLength(2)
})

test('a modification changes the fields that it names and no others', async () => {
  const before = await newAssistant({ name: 'Old', instructions: 'Old.', metadata: { a: '1', b: '2' } })
  const path = `/assistants/${before.id}`
  server.clock.advance(5)
  const renamed = await post(path, { name: 'New' })
  expectObject('assistant', renamed)
  expect(renamed).toEqual({ ...before, name: 'New' })
  expect(await post(path, {})).toEqual(renamed)
  expect(await post(path)).toEqual(renamed)
  const tooled = await post(path, {
    model: 'gpt-4',
    tools: [{ type: 'function', function: { name: 'f' } }],
    temperature: 0.1,
    top_p: 0.2,
    reasoning_effort: 'high',
    response_format: { type: 'text' },
    description: 'D',
  })
  expect(tooled).toMatchObject({
    model: 'gpt-4',
    temperature: 0.1,
    top_p: 0.2,
    reasoning_effort: 'high',
    response_format: { type: 'text' },
    description: 'D',
  })
  expect(await get(path)).toEqual(tooled)
})

test('a modification replaces tools and metadata as a whole', async () => {
  const assistant = await newAssistant({
    tools: [{ type: 'function', function: { name: 'f' } }],
    metadata: { a: '1' },
  })
  const path = `/assistants/${assistant.id}`
  const changed = await post(path, {
    tools: [{ type: 'function', function: { name: 'g' } }],
    metadata: { b: '2' },
  })
  expect(changed.tools.map((tool: any) => tool.function.name)).toEqual(['g'])
  expect(changed.metadata).toEqual({ b: '2' })
  expect((await post(path, { tools: [], metadata: null })).metadata).toEqual({})
})

test('null clears a name, a description and instructions', async () => {
  const assistant = await newAssistant({ name: 'N', description: 'D', instructions: 'I' })
  const cleared = await post(`/assistants/${assistant.id}`, {
    name: null,
    description: null,
    instructions: null,
  })
  expect(cleared).toMatchObject({ name: null, description: null, instructions: null })
})

test('a refused modification leaves the assistant as it was', async () => {
  const assistant = await newAssistant({ name: 'Kept' })
  const path = `/assistants/${assistant.id}`
  expect(await refusal('POST', path, { name: 'Lost', model: 'nobody' })).toEqual(
    wireError(errors.requestedModelNotFound('nobody')),
  )
  expect(await refusal('POST', path, { name: 'Lost', temperature: 9 })).toEqual(
    wireError(errors.decimalTooBig('temperature', 2, 9)),
  )
  expect(await refusal('POST', path, { tool_resources: { file_search: { vector_stores: [{}] } } })).toEqual(
    wireError(errors.unknownParameter('tool_resources.file_search.vector_stores')),
  )
  expect(await get(path)).toEqual(assistant)
})

test('a deleted assistant is gone at once and cannot be deleted twice', async () => {
  const { id } = await newAssistant()
  const path = `/assistants/${id}`
  const deleted = await server.request('DELETE', path)
  expect(JSON.stringify(deleted.body)).toBe(
    JSON.stringify({ id, object: 'assistant.deleted', deleted: true }),
  )
  const absent = wireError(errors.notFound('assistant', id))
  expect(await refusal('GET', path)).toEqual(absent)
  expect(await refusal('POST', path, { name: 'x' })).toEqual(absent)
  expect(await refusal('DELETE', path)).toEqual(absent)
  const { data } = await get('/assistants?limit=100')
  expect(data.map((one: any) => one.id)).not.toContain(id)
})

test('an invalid body is refused before the assistant is looked up', async () => {
  expect(await refusal('POST', '/assistants/asst_nobody', { foo: 1 })).toEqual(
    wireError(errors.unknownParameter('foo')),
  )
  expect(await refusal('POST', '/assistants/asst_nobody', {})).toEqual(
    wireError(errors.notFound('assistant', 'asst_nobody')),
  )
})

test('the keys of an assistant are those of the live service', () => {
  expect(keysOf('assistant')).toHaveLength(14)
})
