import { afterAll, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { stories, timeTool } from '../harness/stories.ts'

let server: TestServer
let mine: { assistant: any; thread: any; message: any; run: any; step: any }
beforeAll(async () => {
  server = await testServer({
    config: {
      keys: new Map([
        ['test-key', 'mine'],
        ['second-key', 'mine'],
        ['other-key', 'theirs'],
      ]),
    },
  })
  const story = stories(() => server)
  const { assistant, thread, run } = await story.waitingRun(
    [{ id: 'call_1', name: 'get_time', arguments: '{}' }],
    [timeTool],
  )
  const [message] = (await story.messages(thread)).data
  const [step] = (await story.steps(run)).data
  mine = { assistant, thread, message, run, step }
})
afterAll(() => server.close())

async function as(key: string, method: string, path: string, body?: unknown) {
  const answer = await server.request(method, path, body, { authorization: `Bearer ${key}` })
  return { status: answer.status, body: answer.body }
}

test('an unknown key is refused, with all but its ends hidden', async () => {
  const answer = await as('sk-0123456789abcdefghij', 'GET', '/assistants')
  expect(answer).toEqual(wireError(errors.incorrectApiKey('sk-0123456789abcdefghij')))
  expect(answer.body.error.message).not.toContain('56789abc')
})

test('objects of another project are not found by any operation', async () => {
  const { assistant, thread, message, run, step } = mine
  const t = `/threads/${thread.id}`
  const r = `${t}/runs/${run.id}`
  const noThread = wireError(errors.notFound('thread', thread.id))
  const noAssistant = wireError(errors.notFound('assistant', assistant.id))
  const own = await as('other-key', 'POST', '/assistants', { model: 'gpt-4o', instructions: 'x' })
  const calls: [string, string, unknown, object][] = [
    ['GET', `/assistants/${assistant.id}`, undefined, noAssistant],
    ['POST', `/assistants/${assistant.id}`, { name: 'stolen' }, noAssistant],
    ['DELETE', `/assistants/${assistant.id}`, undefined, noAssistant],
    ['GET', `/assistants?after=${assistant.id}`, undefined, noAssistant],
    ['POST', '/threads/runs', { assistant_id: assistant.id }, noAssistant],
    ['GET', t, undefined, noThread],
    ['POST', t, { metadata: {} }, noThread],
    ['DELETE', t, undefined, noThread],
    ['POST', `${t}/messages`, { role: 'user', content: 'x' }, noThread],
    ['GET', `${t}/messages`, undefined, noThread],
    ['GET', `${t}/messages/${message.id}`, undefined, noThread],
    ['POST', `${t}/messages/${message.id}`, { metadata: {} }, noThread],
    ['DELETE', `${t}/messages/${message.id}`, undefined, noThread],
    ['POST', `${t}/runs`, { assistant_id: own.body.id }, noThread],
    ['POST', `${t}/runs`, { assistant_id: own.body.id, stream: true }, noThread],
    ['GET', `${t}/runs`, undefined, noThread],
    ['GET', r, undefined, noThread],
    ['POST', r, { metadata: {} }, noThread],
    ['POST', `${r}/cancel`, undefined, noThread],
    [
      'POST',
      `${r}/submit_tool_outputs`,
      { tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }] },
      noThread,
    ],
    ['GET', `${r}/steps`, undefined, noThread],
    ['GET', `${r}/steps/${step.id}`, undefined, noThread],
  ]
  for (const [method, path, body, error] of calls) {
    expect([method, path, await as('other-key', method, path, body)]).toEqual([method, path, error])
  }
  const { body } = await as('other-key', 'GET', '/assistants')
  expect(body.data.map((one: any) => one.id)).toEqual([own.body.id])
})

test('these attempts changed no object', async () => {
  const { assistant, thread, message, run, step } = mine
  const t = `/threads/${thread.id}`
  for (const [path, before] of [
    [`/assistants/${assistant.id}`, assistant],
    [`${t}/messages/${message.id}`, message],
    [`${t}/runs/${run.id}`, run],
    [`${t}/runs/${run.id}/steps/${step.id}`, step],
  ]) {
    expect(await as('test-key', 'GET', path)).toEqual({ status: 200, body: before })
  }
})

test('two keys of one project see the same', async () => {
  expect(await as('second-key', 'GET', `/assistants/${mine.assistant.id}`)).toEqual({
    status: 200,
    body: mine.assistant,
  })
  const { headers } = await server.request('GET', '/assistants', undefined, {
    authorization: 'Bearer second-key',
  })
  expect(headers.get('openai-project')).toBe('mine')
})

test('with keys, requests of any host and origin get an answer, but only pages of allowed origins can read it', async () => {
  const origin = 'https://page.example'
  const answer = await server.request('GET', '/assistants', undefined, { origin })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  const open = await testServer({
    config: { keys: new Map([['test-key', 'mine']]), corsOrigins: [origin] },
  })
  const named = await open.request('GET', '/assistants', undefined, { origin })
  expect(named.headers.get('access-control-allow-origin')).toBe(origin)
  await open.close()
})
