import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories, timeTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, place, start, reach, runToRest } = stories(() => server)

const spent = { prompt_tokens: 10, completion_tokens: 3 }

/** The `info` lines about a run, once the last of them has this message. */
async function linesOf(run: any, last: string) {
  const find = () =>
    server.logLines.filter(({ level, fields }) => level === 'info' && fields.run_id === run.id)
  await eventually(() => find().at(-1)?.message === last, last)
  return find()
}

test('a run is logged when it starts and when it ends, without any text of the conversation', async () => {
  server.model.script([{ text: 'a secret answer', usage: spent }])
  const where = await place({ instructions: 'a secret instruction' })
  const run = await runToRest(where)
  const ids = { run_id: run.id, thread_id: run.thread_id, assistant_id: where.assistant.id, attempt: 1 }
  const lines = await linesOf(run, 'a run ended')
  expect(lines.map(({ message, fields }) => ({ message, fields }))).toEqual([
    { message: 'a run started', fields: { ...ids, model: 'gpt-4o', answering_model: 'scripted/gpt-4o' } },
    {
      message: 'a run ended',
      fields: { ...ids, model: 'gpt-4o', status: 'completed', ...spent, duration_ms: expect.any(Number) },
    },
  ])
  expect(JSON.stringify(server.logLines)).not.toContain('secret')
})

test('a wait for the client, and the end of a run without an owner, are logged too', async () => {
  server.model.script([{ calls: [{ name: 'get_time', arguments: '{}' }] }])
  const run = await runToRest(await place({ tools: [timeTool] }))
  await linesOf(run, 'a run waits for its client')
  await post(`/threads/${run.thread_id}/runs/${run.id}/cancel`)
  const last = (await linesOf(run, 'a run ended')).at(-1)
  expect(last?.fields).toMatchObject({ status: 'cancelled' })
  expect(last?.fields).not.toHaveProperty('duration_ms')
})

test('a failed run is one line with its cause, and its end names the reason', async () => {
  server.model.script([{ status: 400, body: { error: { message: 'no such thing' } } }])
  const run = await runToRest(await place())
  expect(run.status).toBe('failed')
  const last = (await linesOf(run, 'a run ended')).at(-1)
  expect(last?.fields).toMatchObject({ status: 'failed', reason: run.last_error.code })
  const failures = server.complaints.splice(0)
  expect(failures).toMatchObject([
    {
      message: 'a run failed',
      fields: { run_id: run.id, code: run.last_error.code, error: expect.any(Error) },
    },
  ])
})

test('a recovery is logged', async () => {
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }, { text: 'Hello' }])
  const run = await reach(await start(await place()), 'in_progress')
  await eventually(() => server.model.open() === 1, 'the answer')
  await server.db.query({
    text: `update runs set lease_owner = 'worker_dead' where id = $1`,
    values: [run.id],
  })
  await reach(run, 'completed')
  hold.open()
  const lines = await linesOf(run, 'a run ended')
  expect(lines.map(({ message, fields }) => [message, fields.attempt])).toEqual([
    ['a run started', 1],
    ['a run was recovered', 2],
    ['a run ended', 2],
  ])
})
