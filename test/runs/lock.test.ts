import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { gate, stories } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { place, rest, messages, get } = stories(() => server)
const fifty = Array.from({ length: 50 }, (_, index) => index)

test('of fifty runs created at once one is accepted, and the errors of the others name it', async () => {
  const hold = gate()
  server.model.script([{ text: 'x', before: hold.promise }])
  const { assistant, thread } = await place()
  const answers = await Promise.all(
    fifty.map((index) =>
      server.request('POST', `/threads/${thread.id}/runs`, {
        assistant_id: assistant.id,
        additional_messages: [{ role: 'user', content: `from ${index}` }],
      }),
    ),
  )
  hold.open()
  const winners = answers.filter((answer) => answer.status === 200)
  expect(winners).toHaveLength(1)
  const run = winners[0]?.body
  const locked = wireError(errors.activeRun(thread.id, run.id))
  const losers = answers.filter((answer) => answer.status !== 200)
  expect(losers.map(({ status, body }) => ({ status, body }))).toEqual(fifty.slice(1).map(() => locked))
  await rest(run)
  expect((await get(`/threads/${thread.id}/runs`)).data).toHaveLength(1)
  // Hello, the message of the accepted run, the answer: no message of the refused runs.
  expect((await messages(thread)).data).toHaveLength(3)
})

test('of fifty messages against fifty runs every accepted one came before the run, and the model read it', async () => {
  const hold = gate()
  let read: string[] = []
  server.model.script([
    {
      text: 'x',
      before: hold.promise,
      expect: (body) => {
        read = body.messages.map((one: any) => one.content)
      },
    },
  ])
  const { assistant, thread } = await place()
  const path = `/threads/${thread.id}`
  const accepted: string[] = []
  const answers = await Promise.all(
    fifty.map(async (index) => {
      const content = `message ${index}`
      const [message, run] = await Promise.all([
        server.request('POST', `${path}/messages`, { role: 'user', content }),
        server.request('POST', `${path}/runs`, { assistant_id: assistant.id }),
      ])
      if (message.status === 200) accepted.push(content)
      return { message, run }
    }),
  )
  const [winner, ...others] = answers.map((one) => one.run).filter((run) => run.status === 200)
  expect(others).toEqual([])
  const run = winner?.body
  const refused = answers.map((one) => one.message).filter((message) => message.status !== 200)
  const locked = wireError(errors.threadLocked(thread.id, run.id))
  expect(refused.map(({ status, body }) => ({ status, body }))).toEqual(refused.map(() => locked))
  hold.open()
  await rest(run)
  expect(read.toSorted()).toEqual(['Hello', ...accepted].toSorted())
})

test('runs on different threads do not wait for one another', async () => {
  const hold = gate()
  server.model.script([{ text: 'slow', before: hold.promise }])
  const slow = await place()
  const first = await server.request('POST', `/threads/${slow.thread.id}/runs`, {
    assistant_id: slow.assistant.id,
  })
  while (server.model.requests.length < 1) await new Promise((resolve) => setTimeout(resolve, 5))
  server.model.script([{ text: 'quick' }])
  const quick = await place()
  const second = await server.request('POST', `/threads/${quick.thread.id}/runs`, {
    assistant_id: quick.assistant.id,
  })
  expect((await rest(second.body)).status).toBe('completed')
  expect((await get(`/threads/${slow.thread.id}/runs/${first.body.id}`)).status).toBe('in_progress')
  hold.open()
  await rest(first.body)
})
