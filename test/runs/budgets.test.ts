import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { expectObject } from '../harness/shapes.ts'
import { stories, timeTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, newAssistant, newThread, place, rest, runToRest, steps, messages } = stories(() => server)
const now = () => Math.floor(server.clock.nowMs() / 1000)
const spent = (prompt_tokens: number, completion_tokens: number) => ({ prompt_tokens, completion_tokens })

test('an answer cut by the budget is incomplete, its step completed, its thread open', async () => {
  server.model.script([
    {
      text: ['Once ', 'upon '],
      finish_reason: 'length',
      usage: spent(10, 256),
      expect: (body) => expect(body.max_tokens ?? body.max_completion_tokens).toBe(256),
    },
  ])
  const where = await place()
  const run = await runToRest(where, { max_completion_tokens: 256 })
  expectObject('run', run)
  expect(run).toMatchObject({
    status: 'incomplete',
    max_completion_tokens: 256,
    incomplete_details: { reason: 'max_completion_tokens' },
    completed_at: now(),
    expires_at: null,
    last_error: null,
    usage: { prompt_tokens: 10, completion_tokens: 256, total_tokens: 266 },
  })
  const [, message] = (await messages(where.thread)).data
  expectObject('message', message)
  expect(message).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_tokens' },
    incomplete_at: now(),
    completed_at: null,
    content: [{ text: { value: 'Once upon ' } }],
  })
  const [step] = (await steps(run)).data
  expect(step).toMatchObject({ status: 'completed', completed_at: now(), usage: { completion_tokens: 256 } })
  await post(`/threads/${where.thread.id}/messages`, { role: 'user', content: 'Go on' })
})

test('the completion budget is one for all turns of a run', async () => {
  server.model.script([
    {
      calls: [{ id: 'call_1', name: 'get_time', arguments: '{}' }],
      usage: spent(10, 200),
      expect: (body) => expect(body.max_tokens).toBe(300),
    },
  ])
  const run = await runToRest(await place({ tools: [timeTool] }), { max_completion_tokens: 300 })
  server.model.script([
    { text: 'Noon', usage: spent(10, 20), expect: (body) => expect(body.max_tokens).toBe(100) },
  ])
  await post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, {
    tool_outputs: [{ tool_call_id: 'call_1', output: '12' }],
  })
  expect(await rest(run)).toMatchObject({ status: 'completed', usage: { completion_tokens: 220 } })
})

test('a completion budget used up by the calls ends the run before the next turn', async () => {
  server.model.script([
    { calls: [{ id: 'call_1', name: 'get_time', arguments: '{}' }], usage: spent(10, 300) },
  ])
  const run = await runToRest(await place({ tools: [timeTool] }), { max_completion_tokens: 300 })
  await post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, {
    tool_outputs: [{ tool_call_id: 'call_1', output: '12' }],
  })
  const done = await rest(run)
  expect(done).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_completion_tokens' },
    usage: { completion_tokens: 300 },
  })
  expect((await steps(done)).data.map((step: any) => step.status)).toEqual(['completed'])
})

test('a newest message beyond the prompt budget ends the run as incomplete, without asking the model', async () => {
  const assistant = await newAssistant()
  const thread = await newThread('word '.repeat(1000))
  const run = await runToRest({ assistant, thread }, { max_prompt_tokens: 256 })
  expectObject('run', run)
  expect(run).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_prompt_tokens' },
    completed_at: now(),
    expires_at: null,
    max_prompt_tokens: 256,
  })
  expect((await steps(run)).data).toEqual([])
  await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Shorter' })
})

test('the prompt budget is one for all turns of a run', async () => {
  server.model.script([
    { calls: [{ id: 'call_1', name: 'get_time', arguments: '{}' }], usage: spent(290, 5) },
  ])
  const run = await runToRest(await place({ tools: [timeTool] }), { max_prompt_tokens: 300 })
  await post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, {
    tool_outputs: [{ tool_call_id: 'call_1', output: '12' }],
  })
  const done = await rest(run)
  expect(done).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_prompt_tokens' },
    usage: { prompt_tokens: 290 },
  })
})

test('an answer that a filter stops is incomplete, and says so', async () => {
  server.model.script([{ text: ['So'], finish_reason: 'content_filter' }])
  const where = await place()
  const run = await runToRest(where)
  expect(run).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'content_filter' },
    completed_at: now(),
  })
  const [, message] = (await messages(where.thread)).data
  expect(message).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'content_filter' } })
  expect((await steps(run)).data[0]).toMatchObject({ status: 'completed' })
})

test('calls that the budget cuts are not sent to the client', async () => {
  server.model.script([
    {
      calls: [{ id: 'call_1', name: 'get_time', arguments: '{"a' }],
      finish_reason: 'length',
    },
  ])
  const run = await runToRest(await place({ tools: [timeTool] }), { max_completion_tokens: 256 })
  expect(run).toMatchObject({
    status: 'incomplete',
    required_action: null,
    incomplete_details: { reason: 'max_completion_tokens' },
  })
  expect((await steps(run)).data[0]).toMatchObject({ type: 'tool_calls', status: 'completed' })
})

test('a thread longer than the context of the model is shortened without any budget', async () => {
  const small = await testServer({
    models: {
      providers: { scripted: { type: 'openai', base_url: server.model.url } },
      models: { '*': 'scripted' },
      context_windows: { tiny: 1000 },
    },
  })
  const story = stories(() => small)
  const assistant = await story.newAssistant({ model: 'tiny' })
  const thread = await story.newThread(
    'first',
    ...Array.from({ length: 10 }, () => 'word '.repeat(200)),
    'last',
  )
  let count = 0
  server.model.script([
    {
      text: 'x',
      expect: (body) => {
        count = body.messages.length
        expect(body.messages[0].content).toBe('first')
        expect(body.messages.at(-1).content).toBe('last')
      },
    },
  ])
  const run = await story.runToRest({ assistant, thread })
  expect(run.status).toBe('completed')
  expect(count).toBeGreaterThan(2)
  expect(count).toBeLessThan(7)
  const alone = await story.newThread('word '.repeat(2000))
  const failed = await story.runToRest({ assistant, thread: alone })
  const tooLong = (subject: string) => ({
    code: 'invalid_prompt',
    message: `${subject} and the instructions are longer than the model's context of 1000 tokens.`,
  })
  expect(failed).toMatchObject({ status: 'failed', last_error: tooLong('The newest message') })
  const caller = await story.newAssistant({ model: 'tiny', tools: [timeTool] })
  server.model.script([{ calls: [{ id: 'call_1', name: 'get_time', arguments: '{}' }] }])
  const waiting = await story.runToRest({ assistant: caller, thread: await story.newThread('When?') })
  await story.post(`/threads/${waiting.thread_id}/runs/${waiting.id}/submit_tool_outputs`, {
    tool_outputs: [{ tool_call_id: 'call_1', output: 'word '.repeat(2000) }],
  })
  expect((await story.rest(waiting)).last_error).toEqual(tooLong('The tool outputs of this run'))
  small.complaints.splice(0)
  await small.close()
})

test('a first message that does not fit is left out, and the later ones that fit are sent', async () => {
  const assistant = await newAssistant()
  const thread = await newThread('word '.repeat(2000), 'second', 'third')
  const sent = ({ messages: all }: any) =>
    expect(all.map(({ content }: any) => content)).toEqual(['second', 'third'])
  server.model.script([{ text: 'ok', expect: sent }])
  const run = await runToRest({ assistant, thread }, { max_prompt_tokens: 1000 })
  expect(run.status).toBe('completed')
})

test('the first message of a thread with more than 500 is kept when older ones are left out', async () => {
  const { assistant, thread } = await place()
  await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'filler' })
  await server.db.query({
    text: `insert into messages (id, project, thread_id, created_at, status, role, content, attachments, metadata)
           select m.id || n, m.project, m.thread_id, m.created_at, m.status, m.role, m.content, m.attachments, m.metadata
           from messages m, generate_series(1, 520) n
           where m.thread_id = $1 and m.content::text like '%filler%' order by n`,
    values: [thread.id],
  })
  await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'The newest' })
  server.model.script([
    {
      text: 'ok',
      expect: ({ messages: sent }) => {
        expect(sent[0].content).toBe('Hello')
        expect(sent.at(-1).content).toBe('The newest')
        expect(sent.length).toBeLessThan(500)
      },
    },
  ])
  const run = await runToRest({ assistant, thread }, { max_prompt_tokens: 1000 })
  expect(run.status).toBe('completed')
})
