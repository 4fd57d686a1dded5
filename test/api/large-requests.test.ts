/**
 * The most expensive requests, each near the largest size that is allowed: other requests are answered meanwhile.
 * The processor time between two turns of the event loop is compared with the processor time that JSON.parse and
 * JSON.stringify take for one body of that size. So the speed of the machine and other processes do not count.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer, type Answer, type TestServer } from '../harness/server.ts'
import { stories } from '../harness/stories.ts'

/** One unit of work: a body of 4 MB is read and written once. */
const bodyCharacters = 4_000_000
/** The most work between two turns of the event loop, in units. Quadratic work takes many hundreds. */
const most = 150

let server: TestServer
beforeAll(async () => {
  server = await testServer({ models: { providers: { demo: { type: 'demo' } }, models: { '*': 'demo' } } })
})
afterAll(async () => {
  // Runs whose request is too large end so, and the log says it.
  const isExpected = ({ fields }: { fields: object }) => JSON.stringify(fields).includes('invalid_prompt')
  const others = server.complaints.filter((complaint) => !isExpected(complaint))
  server.complaints.splice(0, server.complaints.length, ...others)
  await server.close()
})

const { newAssistant, rest } = stories(() => server)

const user = (content: string) => ({ role: 'user', content })
const names = (count: number) => Array.from({ length: count }, (_, index) => `p${index}`)
const list = (items: object) => ({ type: 'array', minItems: 1_000, items })
const jsonSchema = (schema: object) => ({ type: 'json_schema', json_schema: { name: 'form', schema } })
const strictFunction = (count: number) => ({
  type: 'function',
  function: {
    name: 'f',
    strict: true,
    parameters: {
      type: 'object',
      additionalProperties: false,
      required: names(count),
      properties: Object.fromEntries(names(count).map((name) => [name, { type: 'string' }])),
    },
  },
})

async function runWith(fields: object, content = 'Hello'): Promise<Answer> {
  const { id } = await newAssistant()
  const thread = { messages: [user(content)] }
  return server.request('POST', '/threads/runs', { assistant_id: id, thread, ...fields })
}

async function runToTheEnd(fields: object, content = 'Hello'): Promise<void> {
  const answer = await runWith(fields, content)
  if (answer.status === 200) await rest(answer.body)
}

const worst: [string, () => Promise<unknown>][] = [
  [
    'a strict function with 60,000 required properties',
    () => server.request('POST', '/assistants', { model: 'm', tools: [strictFunction(60_000)] }),
  ],
  [
    'a message of 256,000 spaces',
    () => runToTheEnd({ max_prompt_tokens: 300_000 }, ' '.repeat(255_999) + 'x'),
  ],
  [
    'instructions of letters and spaces that do not break',
    () => runToTheEnd({ max_prompt_tokens: 300_000, instructions: 'a\u00a0'.repeat(128_000) }),
  ],
  ['nested minItems', () => runToTheEnd({ response_format: jsonSchema(list(list(list({})))) })],
  [
    'a schema with a pattern that backtracks',
    () => runToTheEnd({ response_format: jsonSchema({ type: 'string', pattern: '(a+)+$' }) }, 'a'.repeat(50)),
  ],
  ['20,000 fences that are never closed', () => runToTheEnd({}, 'python\n```py\n'.repeat(20_000))],
  [
    'millions of empty arrays',
    () => postText('/threads', `{"messages":[${'[],'.repeat(bodyCharacters / 3 - 10)}[]]}`),
  ],
  [
    'two million brackets',
    () => postText('/threads', `{"metadata":${'['.repeat(1_900_000)}${']'.repeat(1_900_000)}}`),
  ],
  [
    '150,000 unknown keys',
    () => server.request('POST', '/threads', Object.fromEntries(names(150_000).map((name) => [name, 1]))),
  ],
  [
    '60,000 wrong messages',
    () =>
      server.request('POST', '/threads', { messages: Array.from({ length: 60_000 }, () => ({ role: 1 })) }),
  ],
  [
    '2,000 function calls in one turn',
    () =>
      runToTheEnd(
        { tools: [{ type: 'function', function: { name: 'f' } }] },
        'call f {"a":1}\n'.repeat(2_000),
      ),
  ],
  ['a very long query', () => server.request('GET', `/assistants?after=${'asst_%41'.repeat(1_500)}`)],
]

test.for(worst)('%s', async ([, send]) => {
  const unitMs = unitOfWork()
  const turns = watchTurns()
  let healthChecks = 0
  let isDone = false
  const sent = send().finally(() => (isDone = true))
  while (!isDone) {
    expect((await fetch(server.url.replace(/v1$/, 'healthz'))).status).toBe(200)
    healthChecks += 1
  }
  await sent
  expect(healthChecks).toBeGreaterThan(0)
  expect(turns.stop() / unitMs, 'units of work between two turns of the event loop').toBeLessThan(most)
})

/** The processor time of this process in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Measures the processor time between turns of the event loop; `stop` returns the longest in milliseconds. */
function watchTurns(): { stop: () => number } {
  let before = cpuMs()
  let longest = 0
  const turn = () => {
    const now = cpuMs()
    longest = Math.max(longest, now - before)
    before = now
  }
  const timer = setInterval(turn, 1)
  return {
    stop() {
      clearInterval(timer)
      turn()
      return longest
    },
  }
}

/** The processor time in milliseconds that one unit of work takes: the shortest of a few. */
function unitOfWork(): number {
  const text = JSON.stringify(
    Array.from({ length: bodyCharacters / 40 }, (_, index) => ({ key: `value ${index}`, index })),
  )
  const times = Array.from({ length: 3 }, () => {
    const start = cpuMs()
    JSON.stringify(JSON.parse(text))
    return cpuMs() - start
  })
  return Math.min(...times)
}

async function postText(path: string, body: string): Promise<unknown> {
  const headers = {
    authorization: 'Bearer test-key',
    'openai-beta': 'assistants=v2',
    'content-type': 'application/json',
  }
  const response = await fetch(server.url + path, { method: 'POST', headers, body })
  return response.json()
}
