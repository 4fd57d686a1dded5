import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { stories, timeTool, weatherTool, type Place } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, newAssistant, newThread, place, start, runToRest, waitingRun, reach, messages } = stories(
  () => server,
)

async function refusal(path: string, body: unknown) {
  const answer = await server.request('POST', path, body)
  return { status: answer.status, body: answer.body }
}

/** Runs one turn; returns the run and the request to the model. */
async function asked(assistantFields: object, runFields: object = {}): Promise<{ run: any; body: any }> {
  return askedAt(await place(assistantFields), runFields)
}

async function askedAt(where: Place, runFields: object = {}): Promise<{ run: any; body: any }> {
  let body: any
  server.model.script([{ text: 'Hi', expect: (sent) => (body = sent) }])
  const run = await runToRest(where, runFields)
  expect(run.status).toBe('completed')
  return { run, body }
}

const sentTool = (tool: any) => ({
  type: 'function',
  function: { parameters: { type: 'object', properties: {} }, ...tool.function },
})

test('the request of a run with only a model has messages and no options', async () => {
  const { body } = await asked({})
  expect(body).toEqual({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'Hello' }],
    stream: true,
    stream_options: { include_usage: true },
  })
})

test('a run takes all settings of its assistant, and not its metadata', async () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } }
  const settings = {
    model: 'gpt-4o-mini',
    instructions: 'Be brief.',
    tools: [weatherTool],
    temperature: 0.3,
    top_p: 0.4,
    reasoning_effort: 'low',
    response_format: { type: 'json_schema', json_schema: { name: 'Out', schema, strict: false } },
  }
  const { run, body } = await asked({ ...settings, metadata: { not: 'inherited' }, name: 'N' })
  expect(run).toMatchObject({
    ...settings,
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'Out', description: null, schema, strict: false },
    },
    metadata: {},
  })
  expect(body).toEqual({
    model: 'gpt-4o-mini',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
    ],
    tools: [sentTool(weatherTool)],
    temperature: 0.3,
    top_p: 0.4,
    reasoning_effort: 'low',
    response_format: { type: 'json_schema', json_schema: { name: 'Out', schema, strict: false } },
    stream: true,
    stream_options: { include_usage: true },
  })
})

test('settings of a run replace those of its assistant', async () => {
  const { run, body } = await asked(
    {
      instructions: 'Old.',
      tools: [weatherTool],
      temperature: 0.1,
      top_p: 0.1,
      reasoning_effort: 'low',
      response_format: { type: 'json_object' },
    },
    {
      model: 'gpt-4.1',
      instructions: 'New.',
      tools: [timeTool],
      temperature: 0,
      top_p: 0,
      reasoning_effort: 'high',
      response_format: { type: 'text' },
      tool_choice: 'none',
      parallel_tool_calls: false,
      metadata: { of: 'run' },
    },
  )
  expect(run).toMatchObject({
    model: 'gpt-4.1',
    instructions: 'New.',
    temperature: 0,
    top_p: 0,
    reasoning_effort: 'high',
    response_format: { type: 'text' },
    tool_choice: 'none',
    parallel_tool_calls: false,
    metadata: { of: 'run' },
  })
  expect(body).not.toHaveProperty('tools')
  expect(body).toMatchObject({
    model: 'gpt-4.1',
    temperature: 0,
    top_p: 0,
    reasoning_effort: 'high',
  })
  expect(body.messages[0]).toEqual({ role: 'system', content: 'New.' })
  expect(body).not.toHaveProperty('response_format')
})

test('a run that is created with its thread obeys the same fields', async () => {
  let body: any
  server.model.script([{ text: 'Hi', expect: (sent) => (body = sent) }])
  const assistant = await newAssistant({ instructions: 'Old.', tools: [weatherTool], temperature: 0.9 })
  const own = {
    model: 'gpt-4.1',
    instructions: 'New.',
    tools: [timeTool],
    metadata: { of: 'run' },
    temperature: 0.1,
    top_p: 0.2,
    reasoning_effort: 'high',
    max_prompt_tokens: 1000,
    max_completion_tokens: 500,
    truncation_strategy: { type: 'last_messages', last_messages: 1 },
    tool_choice: 'required',
    parallel_tool_calls: false,
    response_format: { type: 'json_object' },
  }
  const run = await post('/threads/runs', {
    assistant_id: assistant.id,
    thread: {
      messages: [
        { role: 'user', content: 'one' },
        { role: 'user', content: 'two, as json' },
      ],
    },
    ...own,
  })
  expect(run).toMatchObject({ ...own, tools: [{ function: { name: 'get_time' } }] })
  expect((await reach(run, 'completed', 'failed')).status).toBe('completed')
  expect(body).toEqual({
    model: 'gpt-4.1',
    messages: [
      { role: 'system', content: 'New.' },
      { role: 'user', content: 'two, as json' },
    ],
    tools: [sentTool(timeTool)],
    tool_choice: 'required',
    parallel_tool_calls: false,
    temperature: 0.1,
    top_p: 0.2,
    reasoning_effort: 'high',
    response_format: { type: 'json_object' },
    max_tokens: 500,
    stream: true,
    stream_options: { include_usage: true },
  })
})

test('a function reaches the model with its description, its schema and its strictness', async () => {
  const strict = {
    type: 'function',
    function: {
      name: 'book',
      description: 'Books a room',
      parameters: {
        type: 'object',
        properties: { room: { type: 'integer' } },
        required: ['room'],
        additionalProperties: false,
      },
      strict: true,
    },
  }
  const { body } = await asked({ tools: [strict, weatherTool] })
  expect(JSON.stringify(body.tools)).toBe(JSON.stringify([strict, weatherTool]))
})

test('null in a run means the setting of its assistant', async () => {
  const assistant = { instructions: 'Kept.', tools: [weatherTool], temperature: 0.2, top_p: 0.3 }
  const nothing = Object.fromEntries(
    [
      'model instructions tools metadata temperature top_p reasoning_effort stream max_prompt_tokens',
      'max_completion_tokens truncation_strategy tool_choice response_format additional_instructions',
      'additional_messages',
    ]
      .join(' ')
      .split(' ')
      .map((key) => [key, null]),
  )
  const { run, body } = await asked(assistant, nothing)
  expect(run).toMatchObject({
    ...assistant,
    metadata: {},
    max_prompt_tokens: null,
    tool_choice: 'auto',
    truncation_strategy: { type: 'auto', last_messages: null },
  })
  expect(body).toMatchObject({ temperature: 0.2, top_p: 0.3, tools: [sentTool(weatherTool)] })
})

test('an empty list of tools takes all tools away, and empty instructions take the instructions away', async () => {
  const { run, body } = await asked(
    { instructions: 'Old.', tools: [weatherTool] },
    { tools: [], instructions: '' },
  )
  expect(run).toMatchObject({ tools: [], instructions: '' })
  expect(body).not.toHaveProperty('tools')
  expect(body).not.toHaveProperty('tool_choice')
  expect(body.messages).toEqual([{ role: 'user', content: 'Hello' }])
})

test('additional instructions follow the others on a new line and show in the run', async () => {
  const both = await asked({ instructions: 'First.' }, { additional_instructions: 'Second.' })
  expect(both.run.instructions).toBe('First.\nSecond.')
  expect(both.body.messages[0]).toEqual({ role: 'system', content: 'First.\nSecond.' })
  const alone = await asked({}, { additional_instructions: 'Only.' })
  expect(alone.run.instructions).toBe('Only.')
  const over = await asked(
    { instructions: 'First.' },
    { instructions: 'Other.', additional_instructions: 'Second.' },
  )
  expect(over.run.instructions).toBe('Other.\nSecond.')
})

test('additional messages are added to the thread before the run', async () => {
  server.model.script([
    {
      text: 'Hi',
      expect: (body) =>
        expect(body.messages).toEqual([
          { role: 'user', content: 'Hello' },
          { role: 'assistant', content: 'Yes?' },
          { role: 'user', content: 'Count' },
        ]),
    },
  ])
  const { assistant, thread } = await place()
  await runToRest(
    { assistant, thread },
    {
      additional_messages: [
        { role: 'assistant', content: 'Yes?' },
        { role: 'user', content: 'Count', metadata: { k: 'v' } },
      ],
    },
  )
  const { data } = await messages(thread)
  expect(data.map((one: any) => one.content[0].text.value)).toEqual(['Hello', 'Yes?', 'Count', 'Hi'])
  expect(data[2]).toMatchObject({ metadata: { k: 'v' }, run_id: null })
  server.model.script([{ text: 'Again' }])
  await runToRest({ assistant, thread }, { additional_messages: [] })
})

test('a run that is refused adds no messages', async () => {
  const { assistant, thread } = await place()
  const path = `/threads/${thread.id}/runs`
  const additional_messages = [{ role: 'user', content: 'More' }]
  expect(await refusal(path, { assistant_id: 'asst_nope', additional_messages })).toEqual(
    wireError(errors.notFound('assistant', 'asst_nope')),
  )
  expect(
    await refusal(path, { assistant_id: assistant.id, additional_messages: [{ role: 'user' }] }),
  ).toEqual(wireError(errors.missingParameter('additional_messages[0].content')))
  expect(
    await refusal(path, { assistant_id: assistant.id, additional_messages, tool_choice: 'required' }),
  ).toEqual(wireError(errors.toolChoiceNeedsTools()))
  expect((await messages(thread)).data).toHaveLength(1)
})

test('temperature and top_p without a setting are shown as 1 and not sent', async () => {
  const { run, body } = await asked({}, { temperature: null })
  expect(run).toMatchObject({ temperature: 1, top_p: 1 })
  expect(body).not.toHaveProperty('temperature')
  expect(body).not.toHaveProperty('top_p')
})

test('a temperature of 1 is sent when the assistant, its modification or the run sets it', async () => {
  expect((await asked({ temperature: 1 })).body).toHaveProperty('temperature', 1)
  expect((await asked({}, { top_p: 1 })).body).toHaveProperty('top_p', 1)
  const where = await place({ temperature: 0.5, top_p: 0.5 })
  await post(`/assistants/${where.assistant.id}`, { temperature: null, top_p: 1 })
  expect(await get(`/assistants/${where.assistant.id}`)).toMatchObject({ temperature: 1, top_p: 1 })
  const { body } = await askedAt(where)
  expect(body).not.toHaveProperty('temperature')
  expect(body).toHaveProperty('top_p', 1)
})

test.each([
  ['auto', undefined],
  [{ type: 'text' }, undefined],
  [{ type: 'json_object' }, { type: 'json_object' }],
  [
    {
      type: 'json_schema',
      json_schema: { name: 'Out', description: 'D', schema: { type: 'object' }, strict: false },
    },
    {
      type: 'json_schema',
      json_schema: { name: 'Out', description: 'D', schema: { type: 'object' }, strict: false },
    },
  ],
])('response_format %j reaches the model, with tools beside it', async (response_format, sent) => {
  const { body } = await asked({}, { response_format, tools: [weatherTool] })
  expect(body.response_format).toEqual(sent)
  expect(body.tools).toHaveLength(1)
})

test.each([
  ['auto', undefined, 2],
  ['none', undefined, undefined],
  ['required', 'required', 2],
  [
    { type: 'function', function: { name: 'get_time' } },
    { type: 'function', function: { name: 'get_time' } },
    2,
  ],
])('tool_choice %j reaches the model and shows in the run', async (tool_choice, sent, tools) => {
  const { run, body } = await asked({ tools: [weatherTool, timeTool] }, { tool_choice })
  expect(run.tool_choice).toEqual(tool_choice)
  expect(body.tool_choice).toEqual(sent)
  expect(body.tools?.length).toEqual(tools)
})

test('the trace names a forced choice that the model does not obey', async () => {
  const tool_choice = { type: 'function', function: { name: 'get_time' } }
  const { run } = await asked({ tools: [timeTool] }, { tool_choice })
  const { data } = await get(`/threads/${run.thread_id}/runs/${run.id}/trace`)
  expect(data).toContainEqual(expect.objectContaining({ kind: 'tool_choice_not_obeyed', tool_choice }))
})

test.each([['required'], [{ type: 'function', function: { name: 'get_time' } }]])(
  'the forced choice %j holds for the first turn only',
  async (tool_choice) => {
    server.model.script([
      {
        calls: [{ id: 'call_1', name: 'get_time', arguments: '{}' }],
        expect: (body) => expect(body.tool_choice).toEqual(tool_choice),
      },
      { text: 'Noon', expect: (body) => expect(body.tool_choice).toBeUndefined() },
    ])
    const run = await runToRest(await place({ tools: [weatherTool, timeTool] }), { tool_choice })
    await post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, {
      tool_outputs: [{ tool_call_id: 'call_1', output: '12' }],
    })
    expect((await reach(run, 'completed', 'failed')).status).toBe('completed')
  },
)

test.each([
  ['required', errors.toolChoiceNeedsTools(), []],
  [
    { type: 'function', function: { name: 'nobody' } },
    errors.toolChoiceAbsent("the function 'nobody'"),
    [weatherTool],
  ],
  [{ type: 'file_search' }, errors.toolChoiceAbsent("the tool 'file_search'"), [weatherTool]],
  [{ type: 'code_interpreter' }, errors.toolChoiceAbsent("the tool 'code_interpreter'"), [weatherTool]],
])('the choice %j of what is not there is refused', async (tool_choice, error, tools) => {
  const { assistant, thread } = await place({ tools })
  expect(await refusal(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, tool_choice })).toEqual(
    wireError(error),
  )
})

test('only one call a turn is requested when calls may not be parallel', async () => {
  const { run, body } = await asked({ tools: [weatherTool] }, { parallel_tool_calls: false })
  expect(run.parallel_tool_calls).toBe(false)
  expect(body.parallel_tool_calls).toBe(false)
})

test('images and texts of a message reach the model in order', async () => {
  const assistant = await newAssistant()
  const thread = await post('/threads', {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
        ],
      },
    ],
  })
  server.model.script([
    {
      text: 'A cat',
      expect: (body) =>
        expect(body.messages).toEqual([
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
            ],
          },
        ]),
    },
  ])
  await runToRest({ assistant, thread })
})

test('several text parts of one message all reach the model', async () => {
  const assistant = await newAssistant()
  const thread = await post('/threads', {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'one' },
          { type: 'text', text: 'two' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'three' },
          { type: 'text', text: 'four' },
        ],
      },
    ],
  })
  server.model.script([
    {
      text: 'x',
      expect: (body) =>
        expect(body.messages).toEqual([
          {
            role: 'user',
            content: [
              { type: 'text', text: 'one' },
              { type: 'text', text: 'two' },
            ],
          },
          { role: 'assistant', content: 'three\nfour' },
        ]),
    },
  ])
  await runToRest({ assistant, thread })
})

test('last_messages keeps only the newest messages of the thread', async () => {
  const assistant = await newAssistant({ instructions: 'Sum up.' })
  const thread = await newThread('one', 'two', 'three', 'four')
  server.model.script([
    {
      text: 'x',
      expect: (body) =>
        expect(body.messages).toEqual([
          { role: 'system', content: 'Sum up.' },
          { role: 'user', content: 'three' },
          { role: 'user', content: 'four' },
        ]),
    },
  ])
  const truncation_strategy = { type: 'last_messages', last_messages: 2 }
  const run = await runToRest({ assistant, thread }, { truncation_strategy })
  expect(run.truncation_strategy).toEqual(truncation_strategy)
})

test('messages from the middle are left out where the prompt budget is small, and the trace says which', async () => {
  const assistant = await newAssistant()
  const long = (name: string) => `${name} ${'word '.repeat(90)}`
  const thread = await newThread('first', long('second'), long('third'), long('fourth'), 'last')
  let sent: string[] = []
  server.model.script([
    {
      text: 'x',
      expect: (body) => {
        sent = body.messages.map((one: any) => one.content.split(' ')[0])
      },
    },
  ])
  const run = await runToRest({ assistant, thread }, { max_prompt_tokens: 256 })
  expect(run).toMatchObject({ status: 'completed', max_prompt_tokens: 256 })
  expect(sent).toEqual(['first', 'third', 'fourth', 'last'].filter((name) => sent.includes(name)))
  expect(sent).toContain('first')
  expect(sent).toContain('last')
  expect(sent.length).toBeLessThan(5)
  const [row] = await server.db.query<{ trace: any[] }>({
    text: 'select trace from runs where id = $1',
    values: [run.id],
  })
  const dropped = row?.trace.find((entry) => entry.kind === 'truncated')?.dropped
  expect(dropped).toHaveLength(5 - sent.length)
})

test('of a very long thread the model reads the first message and the newest, and the trace stays short', async () => {
  const assistant = await newAssistant()
  const thread = await newThread('first')
  const content = [{ type: 'text', text: { value: 'and on and on '.repeat(20), annotations: [] } }]
  await server.db.query({
    text: `insert into messages (id, project, thread_id, created_at, status, role, content, attachments, metadata)
           select 'msg_long_' || n, project, thread_id, created_at, status, role, $2, attachments, metadata
           from messages, generate_series(1, 10000) n where thread_id = $1`,
    values: [thread.id, JSON.stringify(content)],
  })
  await server.request('POST', `/threads/${thread.id}/messages`, { role: 'user', content: 'last' })
  let sent: string[] = []
  server.model.script([
    { text: 'x', expect: (body) => void (sent = body.messages.map((one: any) => one.content)) },
  ])
  const run = await runToRest({ assistant, thread })
  expect(run.status).toBe('completed')
  expect([sent.at(0), sent.at(-1)]).toEqual(['first', 'last'])
  expect(sent.length).toBeGreaterThan(1000)
  const [row] = await server.db.query<{ trace: any[] }>({
    text: 'select trace from runs where id = $1',
    values: [run.id],
  })
  const cut = row?.trace.find((entry) => entry.kind === 'truncated')
  expect(cut.dropped).toHaveLength(100)
  expect(cut.count).toBeGreaterThan(100)
})

test('a run of a deleted assistant cannot be created', async () => {
  const { assistant, thread } = await place()
  await server.request('DELETE', `/assistants/${assistant.id}`)
  expect(await refusal(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).toEqual(
    wireError(errors.notFound('assistant', assistant.id)),
  )
})

test('stream null and false answer with the run, true with events', async () => {
  server.model.script([{ text: 'A' }, { text: 'B' }])
  const where = await place()
  for (const stream of [null, false]) {
    const run = await start(where, { stream })
    expect(run.object).toBe('thread.run')
    await reach(run, 'completed')
  }
})

test('a second run reads the calls of the first', async () => {
  const { assistant, thread, run, path } = await waitingRun([
    { id: 'call_1', name: 'get_time', arguments: '{}' },
  ])
  server.model.script([{ text: 'Noon' }])
  await post(`${path}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: '12' }] })
  await reach(run, 'completed')
  server.model.script([
    {
      text: 'Still noon',
      expect: (body) =>
        expect(body.messages).toEqual([
          { role: 'user', content: 'Hello' },
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{}' } }],
          },
          { role: 'tool', tool_call_id: 'call_1', content: '12' },
          { role: 'assistant', content: 'Noon' },
          { role: 'user', content: 'And now?' },
        ]),
    },
  ])
  await runToRest({ assistant, thread }, { additional_messages: [{ role: 'user', content: 'And now?' }] })
})
