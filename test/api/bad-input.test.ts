/** Thousands of requests that nobody would write: each gets an answer with a reason, and none hurts the server. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostileRequests } from '../harness/hostile-bodies.ts'
import { testServer, type Answer, type TestServer } from '../harness/server.ts'
import { expectObject, type Kind } from '../harness/shapes.ts'
import { stories, timeTool } from '../harness/stories.ts'

/** FUZZ_RUNS and FUZZ_SEED make it longer, and other. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 2000)
const seed = Number(process.env.FUZZ_SEED ?? 1)

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.close())

const story = stories(() => server)

const kinds: Record<string, Kind> = {
  assistant: 'assistant',
  thread: 'thread',
  'thread.message': 'message',
  'thread.run': 'run',
  'thread.run.step': 'step',
}

/** undefined for a 4xx with the four fields of an error, and for a 2xx with objects of the API; else what is wrong. */
function faultOf({ status, body }: Answer): unknown {
  if (status >= 500) return { status, body }
  if (status >= 400) {
    const { message, type } = body.error
    const fits = Object.keys(body.error).join() === 'message,type,param,code' && message !== ''
    return fits && type === 'invalid_request_error' ? undefined : { status, body }
  }
  // A body may ask for a stream; what that holds is tested elsewhere.
  if (typeof body === 'string') return body.startsWith('event: ') ? undefined : { status, body }
  const all = body.object === 'list' ? body.data : [body]
  for (const one of all) {
    const kind = kinds[one.object]
    if (kind) expectObject(kind, one)
  }
  return undefined
}

test(
  'every request is answered with an object of the API or with an error that says why',
  async () => {
    server.model.whenever(() => ({ text: 'x' }))
    const assistant = await story.newAssistant({ instructions: 'Speak.', tools: [timeTool] })
    const thread = await story.newThread('Hi')
    const waiting = await story.waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
    const known = {
      assistant: assistant.id,
      thread: thread.id,
      run: waiting.run.id,
      run_thread: waiting.run.thread_id,
    }
    const answered: Record<number, number> = {}
    await fc.assert(
      fc.asyncProperty(hostileRequests(known), async ({ method, path, body }) => {
        const answer = await server.request(method, path, body)
        answered[answer.status] = (answered[answer.status] ?? 0) + 1
        expect(faultOf(answer)).toBeUndefined()
      }),
      { numRuns, seed },
    )
    // Neither all refused at the door, nor all let through.
    for (const status of [200, 400, 404]) expect(answered[status]).toBeGreaterThan(numRuns / 100)
  },
  60_000 + numRuns * 50,
)
