import { afterEach, beforeEach, expect, test } from 'vitest'
import { databasePid, makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { startProcess, type ServerProcess } from '../harness/process.ts'
import { eventually } from '../harness/stories.ts'

let data: DataDir
const running: ServerProcess[] = []

beforeEach(() => {
  data = makeDataDir()
})
afterEach(async () => {
  for (const server of running.splice(0)) await server.end('SIGKILL')
  await data.remove()
})

async function start(environment: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startProcess(data.path, environment)
  running.push(server)
  return server
}

const words = Array.from({ length: 30 }, (_, index) => `word${index}`).join(' ')

/** Starts runs with slow answers, each on its own thread. */
async function startRuns(server: ServerProcess, count: number, ms = 60) {
  const assistant = await server.openai.beta.assistants.create({ model: 'demo' })
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      server.openai.beta.threads.createAndRun({
        assistant_id: assistant.id,
        thread: { messages: [{ role: 'user', content: `slow ${ms}\nsay number ${index} ${words}` }] },
      }),
    ),
  )
}

/** Waits until the answer of every run has begun. */
async function untilAnswering(
  server: ServerProcess,
  runs: { id: string; thread_id: string }[],
): Promise<void> {
  for (const run of runs) {
    await eventually(async () => {
      const steps = await server.openai.beta.threads.runs.steps.list(run.id, { thread_id: run.thread_id })
      return steps.data.length > 0
    })
  }
}

async function expectAnsweredOnce(
  server: ServerProcess,
  runs: { id: string; thread_id: string }[],
): Promise<void> {
  for (const [index, run] of runs.entries()) {
    const ended = await server.openai.beta.threads.runs.poll(run.id, { thread_id: run.thread_id })
    expect(ended.status).toBe('completed')
    const messages = await server.openai.beta.threads.messages.list(run.thread_id)
    const answers = messages.data.filter((message) => message.role === 'assistant')
    expect(answers.map((message) => message.content[0])).toMatchObject([
      { type: 'text', text: { value: `number ${index} ${words}` } },
    ])
  }
}

test('answers that were cut off by kill -9 are completed after the restart, each once', async () => {
  const first = await start()
  const runs = await startRuns(first, 20)
  await untilAnswering(first, runs)
  await first.end('SIGKILL')
  await expectAnsweredOnce(await start(), runs)
})

test('the same holds when the database was killed with the server', async () => {
  const first = await start()
  const runs = await startRuns(first, 5)
  await untilAnswering(first, runs)
  const database = databasePid(data.path)
  await first.end('SIGKILL')
  if (database) process.kill(database, 'SIGKILL')
  await expectAnsweredOnce(await start(), runs)
})

test('when only the database is killed, it is restarted and the runs continue', async () => {
  const server = await start()
  const runs = await startRuns(server, 5)
  await untilAnswering(server, runs)
  const database = databasePid(data.path)
  expect(database).toBeDefined()
  process.kill(database ?? 0, 'SIGKILL')
  await eventually(
    async () => (await fetch(`${server.url}/readyz`)).status === 503 || databasePid(data.path) !== database,
  )
  await eventually(async () => (await fetch(`${server.url}/readyz`)).ok)
  await expectAnsweredOnce(server, runs)
})

test('a stop signal lets the runs finish within the drain time', async () => {
  const first = await start({ SPOOL_DRAIN_SECONDS: '30' })
  const runs = await startRuns(first, 3, 20)
  await untilAnswering(first, runs)
  await first.end('SIGTERM')
  const second = await start()
  await expectAnsweredOnce(second, runs)
  for (const run of runs) {
    const trace = await second.openai.beta.threads.runs.steps.list(run.id, { thread_id: run.thread_id })
    expect(trace.data).toHaveLength(1)
  }
})

test('a stop signal without drain time releases the runs, and the next start completes them', async () => {
  const first = await start({ SPOOL_DRAIN_SECONDS: '0' })
  const runs = await startRuns(first, 3)
  await untilAnswering(first, runs)
  await first.end('SIGTERM')
  await expectAnsweredOnce(await start(), runs)
})

test('runs whose time has ended when the server starts again are expired and not continued', async () => {
  // Long enough for the first words on a busy machine, and much shorter than the answer.
  const first = await start({ SPOOL_RUN_EXPIRES_SECONDS: '10' })
  const [run] = await startRuns(first, 1, 2000)
  if (!run) throw new Error('expected a run')
  await untilAnswering(first, [run])
  await first.end('SIGKILL')
  await eventually(async () => Date.now() / 1000 > (run.expires_at ?? 0))
  const second = await start()
  const ended = await second.openai.beta.threads.runs.poll(run.id, { thread_id: run.thread_id })
  expect(ended.status).toBe('expired')
  const [answer] = (await second.openai.beta.threads.messages.list(run.thread_id)).data
  expect(answer?.status).not.toBe('completed')
})

test('a cell that had its output recorded is not run again after kill -9, one that had not is', async () => {
  const first = await start()
  const assistant = await first.openai.beta.assistants.create({
    model: 'demo',
    tools: [{ type: 'code_interpreter' }],
  })
  const content = [
    'python import uuid; print("first", uuid.uuid4())',
    'python import time, uuid; time.sleep(3); print("second", uuid.uuid4())',
  ].join('\n')
  const run = await first.openai.beta.threads.createAndRun({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content }] },
  })
  const key = { thread_id: run.thread_id }
  const logs = async (server: ServerProcess) => {
    const steps = (await server.openai.beta.threads.runs.steps.list(run.id, key)).data
    const details = steps.map((step) => step.step_details).find((one) => one.type === 'tool_calls')
    const calls = details?.type === 'tool_calls' ? details.tool_calls : []
    return calls.map((call) =>
      call.type === 'code_interpreter' ? JSON.stringify(call.code_interpreter.outputs) : '',
    )
  }
  await eventually(async () => ((await logs(first))[0] ?? '').includes('first'))
  const [recorded] = await logs(first)
  await first.end('SIGKILL')
  const second = await start()
  const ended = await second.openai.beta.threads.runs.poll(run.id, key)
  expect(ended.status).toBe('completed')
  const [kept, done] = await logs(second)
  expect(kept).toBe(recorded)
  expect(done).toContain('second')
})

test('text before calls that were cut off by kill -9 appears once after the restart', async () => {
  const first = await start()
  const assistant = await first.openai.beta.assistants.create({
    model: 'demo',
    tools: [{ type: 'function', function: { name: 'get_weather' } }],
  })
  const stream = first.openai.beta.threads.createAndRunStream({
    assistant_id: assistant.id,
    thread: {
      messages: [
        { role: 'user', content: 'slow 700\nsay Let me look.\ncall get_weather {"city": "Lindau"}' },
      ],
    },
  })
  let run: { id: string; thread_id: string } | undefined
  try {
    for await (const event of stream) {
      if (event.event === 'thread.run.created') run = event.data
      if (event.event === 'thread.run.step.delta') await first.end('SIGKILL')
    }
  } catch {
    // The stream ends with its server.
  }
  if (!run) throw new Error('expected a run')
  const second = await start()
  const key = { thread_id: run.thread_id }
  await eventually(async () => {
    const { status } = await second.openai.beta.threads.runs.retrieve(run.id, key)
    return status === 'requires_action'
  })
  const messages = await second.openai.beta.threads.messages.list(run.thread_id)
  const answers = messages.data.filter((message) => message.role === 'assistant')
  expect(answers.map(({ status, content }) => [status, content])).toMatchObject([
    ['completed', [{ type: 'text', text: { value: 'Let me look.' } }]],
  ])
})
