import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RunLimits } from '../../src/domain/run-limits.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { cutConnection, statementsBy, type Sent } from '../harness/statements.ts'
import { gate } from '../harness/stories.ts'

let server: TestServer

beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await server.close()
})

const createsRun = ({ name, values }: Sent) => name === 'write_runs' && values?.[0]?.includes('"fence":"new"')

/** What creates runs waits for `may` and fails when that does. */
function createsAfter(may: Promise<void>): void {
  statementsBy(async (statement, execute) => {
    if (createsRun(statement)) await may
    return execute()
  })
}

async function bodyFor(
  assistant_id?: string,
): Promise<{ assistant_id: string; stream: true; thread: object }> {
  const id = assistant_id ?? (await server.openai.beta.assistants.create({ model: 'gpt-4o' })).id
  return { assistant_id: id, stream: true, thread: { messages: [{ role: 'user', content: 'Hello?' }] } }
}

test('the model is asked before a new run is committed, and its answer is sent after that', async () => {
  const body = await bodyFor()
  let commit = () => {}
  createsAfter(new Promise<void>((resolve) => (commit = resolve)))
  server.model.script([{ text: 'Hello!' }])
  const streaming = server.stream('/threads/runs', body)
  await expect.poll(() => server.model.requests.length).toBe(1)
  const runs = await server.db.query({ text: 'select id from runs' })
  expect(runs).toEqual([])
  commit()
  const events = await streaming
  expect(events[0]?.event).toBe('thread.created')
  expect(events.at(-2)?.event).toBe('thread.run.completed')
})

test('when a new run cannot be committed, the model is no longer asked and nothing is left', async () => {
  const body = await bodyFor()
  let fail = (_: Error) => {}
  createsAfter(new Promise((_, reject) => (fail = reject)))
  let end = (_: unknown) => {}
  server.model.script([{ text: 'Hello!', hold: new Promise((resolve) => (end = resolve)) }])
  const answering = server.request('POST', '/threads/runs', body)
  await expect.poll(() => server.model.requests.length).toBe(1)
  fail(Object.assign(new Error('refused'), { code: '23514' }))
  const { status } = await answering
  expect(status).toBe(500)
  await expect.poll(() => server.model.abandoned()).toBe(1)
  end(undefined)
  const rows = await server.db.query({
    text: 'select id from runs union all select id from threads union all select id from messages',
  })
  expect(rows).toEqual([])
  expect(server.complaints.splice(0).map(({ message }) => message)).toEqual(['a request failed'])
})

test('a run follows the latest change of its assistant, whichever process made it', async () => {
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'Be kind.' })
  const body = await bodyFor(assistant.id)
  const sibling = await server.sibling()
  // A hint of a change may come late: then the model is asked in vain, and asked again.
  server.model.whenever(({ messages }) => ({ text: messages[0].content }))
  const answerTo = async (path: string, request: object) => {
    const events = await server.stream(path, request)
    return events.find(({ event }) => event === 'thread.message.completed')?.data.content[0].text.value
  }
  expect(await answerTo('/threads/runs', body)).toBe('Be kind.')
  await sibling.openai.beta.assistants.update(assistant.id, { instructions: 'Be short.' })
  expect(await answerTo('/threads/runs', body)).toBe('Be short.')
  const thread = await server.openai.beta.threads.create({ messages: [{ role: 'user', content: 'Hello?' }] })
  await sibling.openai.beta.assistants.update(assistant.id, { instructions: 'Be shorter.' })
  const request = { assistant_id: assistant.id, stream: true }
  expect(await answerTo(`/threads/${thread.id}/runs`, request)).toBe('Be shorter.')
  await sibling.openai.beta.assistants.delete(assistant.id)
  const { status, body: refusal } = await server.request('POST', '/threads/runs', body)
  expect(status).toBe(404)
  expect(refusal.error.message).toBe(`No assistant found with id '${assistant.id}'.`)
  await sibling.close()
})

test('a request is not refused for what its assistant was before another process changed it', async () => {
  const thread = await server.openai.beta.threads.create()
  for (const path of ['/threads/runs', `/threads/${thread.id}/runs`]) {
    const { id } = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
    server.model.script([{ text: 'Hello!' }, { text: 'Hello!' }])
    await server.stream('/threads/runs', await bodyFor(id))
    // A process whose hint is lost.
    await server.db.query({
      text: `update assistants set body = body::jsonb || '{"instructions": "Speak first."}' where id = $1`,
      values: [id],
    })
    // A thread without messages is refused unless there are instructions.
    const events = await server.stream(path, { assistant_id: id, stream: true })
    expect(events.at(-2)?.event).toBe('thread.run.completed')
  }
})

test('of runs that are created at once, few or many, each gets its own answer', async () => {
  const { assistant_id } = await bodyFor()
  server.model.whenever(({ messages }) => ({ text: messages[0].content }))
  const names = Array.from({ length: 40 }, (_, index) => `run ${index}`)
  const answers = names.map(async (content) => {
    const thread = { messages: [{ role: 'user', content }] }
    const events = await server.stream('/threads/runs', { assistant_id, stream: true, thread })
    return events.find(({ event }) => event === 'thread.message.completed')?.data.content[0].text.value
  })
  expect(await Promise.all(answers)).toEqual(names)
})

test('of two slots the creation of a run takes up one, so that the next run starts at once', async () => {
  await server.close()
  server = await testServer({ config: { maxRuns: 2 } })
  const body = await bodyFor()
  let commit = () => {}
  const may = new Promise<void>((resolve) => (commit = resolve))
  // While the worker looks for waiting runs it holds all slots; a run that is created meanwhile waits for it.
  statementsBy(async (statement, execute) => {
    if (createsRun(statement) && !statement.values?.[0]?.includes('"lease_owner":null')) await may
    return execute()
  })
  server.model.script([{ text: 'Hello!' }, { text: 'Hello!' }])
  const streams = []
  for (const started of [1, 2]) {
    streams.push(server.stream('/threads/runs', body))
    await expect.poll(() => server.model.requests.length).toBe(started)
  }
  commit()
  for (const events of await Promise.all(streams)) expect(events.at(-2)?.event).toBe('thread.run.completed')
})

test('a process that stops keeps its lease for a run that is being created in it, and then releases the run', async () => {
  const { assistant_id } = await bodyFor()
  const thread = await server.openai.beta.threads.create({ messages: [{ role: 'user', content: 'Hello?' }] })
  const stopping = await server.sibling()
  const may = gate()
  let owner = ''
  const sentByOwner: string[] = []
  statementsBy(async (statement, execute) => {
    if (createsRun(statement)) {
      owner = /"lease_owner":"(worker_[^"]+)"/.exec(statement.values?.[0] ?? '')?.[1] ?? ''
      await may.promise
    }
    if (statement.values?.includes(owner)) sentByOwner.push(statement.name ?? statement.text)
    return execute()
  })
  const creating = stopping.openai.beta.threads.runs.create(thread.id, { assistant_id })
  await expect.poll(() => owner).not.toBe('')
  const closing = stopping.close()
  sentByOwner.splice(0)
  const isRetired = () => sentByOwner.some((text) => text.includes('delete from workers'))
  const renewals = () => sentByOwner.filter((name) => name === 'renew_lease').length
  await expect.poll(() => isRetired() || renewals() > 2).toBe(true)
  expect(isRetired()).toBe(false)
  server.model.script([{ text: 'Hello!' }])
  may.open()
  const { id } = await creating
  await closing
  expect(isRetired()).toBe(true)
  const read = () => server.openai.beta.threads.runs.retrieve(id, { thread_id: thread.id })
  await expect.poll(async () => (await read()).status).toBe('completed')
})

test('a creation that is repeated for a changed assistant counts as one run of its project', async () => {
  const body = await bodyFor()
  server.model.whenever(() => ({ text: 'Hello!' }))
  await server.stream('/threads/runs', body)
  // Without a hint, as when it is lost.
  await server.db.query({ text: 'update assistants set body = body' })
  const admitting = vi.spyOn(RunLimits.prototype, 'admit')
  await server.stream('/threads/runs', body)
  expect(admitting).toHaveBeenCalledTimes(1)
})

test('the first run after the deletion of a file of its assistant is created by one statement', async () => {
  const file = await server.openai.files.create({
    purpose: 'assistants',
    file: new File(['x,y'], 'numbers.csv'),
  })
  const { id } = await server.openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'code_interpreter' }],
    tool_resources: { code_interpreter: { file_ids: [file.id] } },
  })
  server.model.whenever(() => ({ text: 'Hello!' }))
  await server.stream('/threads/runs', await bodyFor(id))
  await server.openai.files.delete(file.id)
  let creations = 0
  statementsBy((statement, execute) => {
    if (createsRun(statement)) creations += 1
    return execute()
  })
  await server.stream('/threads/runs', await bodyFor(id))
  expect(creations).toBe(1)
})

/** The connection of each transaction is cut, once after its commit and once before. */
function cutCommits(): void {
  let commits = 0
  statementsBy(async (statement, execute) => {
    if (statement.text !== 'commit') return execute()
    commits += 1
    if (commits % 3 === 1) await execute()
    else if (commits % 3 === 0) return execute()
    throw cutConnection()
  })
}

test('assistants, threads, messages and runs whose connection is cut at the commit are created once', async () => {
  server.model.script([{ text: 'Hello!' }])
  const { beta } = server.openai
  server.allowComplaints(/expired objects|claimed/)
  cutCommits()
  const assistant = await beta.assistants.create({ model: 'gpt-4o' })
  const thread = await beta.threads.create({ messages: [{ role: 'user', content: 'Hello?' }] })
  const message = await beta.threads.messages.create(thread.id, { role: 'user', content: 'Anybody?' })
  const run = await beta.threads.runs.createAndPoll(
    thread.id,
    { assistant_id: assistant.id },
    { pollIntervalMs: 20 },
  )
  vi.restoreAllMocks()
  expect(run.status).toBe('completed')
  expect((await beta.assistants.list()).data).toEqual([assistant])
  const { data } = await beta.threads.messages.list(thread.id, { order: 'asc' })
  expect(data.slice(1)).toMatchObject([message, { content: [{ text: { value: 'Hello!' } }] }])
  expect((await beta.threads.runs.list(thread.id)).data.map(({ id }) => id)).toEqual([run.id])
})

test('an outage in the middle of a creation ends as 503, and nothing fails after it', async () => {
  const { id } = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  statementsBy(async (statement, execute) => {
    if (statement.text === 'commit') throw cutConnection()
    return execute()
  })
  vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort())
  const refused = await server.request('POST', '/assistants', { model: 'gpt-4o' })
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).not.toBeNull()
  vi.restoreAllMocks()
  expect((await server.openai.beta.assistants.list()).data.map((one) => one.id)).toEqual([id])
  server.complaints.splice(0)
})

test('a creation that is committed late, after its connection was cut and its assistant changed, makes one run', async () => {
  const body = await bodyFor()
  server.allowComplaints(/written/)
  server.model.whenever(() => ({ text: 'Hello!' }))
  await server.stream('/threads/runs', body)
  const [first, commit] = [gate(), gate()]
  let late: Promise<unknown> = Promise.resolve()
  let tries = 0
  statementsBy(async (statement, execute) => {
    if (!createsRun(statement)) return execute()
    tries += 1
    if (tries === 1) {
      late = server.db.transaction(async (tx) => {
        await tx.query({ text: statement.text, values: statement.values ?? [] })
        first.open()
        await commit.promise
      })
      await first.promise
      await server.db.query({ text: 'update assistants set body = body' })
      throw cutConnection()
    }
    if (tries === 3) {
      commit.open()
      await late
    }
    return execute()
  })
  const events = await server.stream('/threads/runs', body)
  vi.restoreAllMocks()
  expect(events.at(-2)?.event).toBe('thread.run.completed')
  expect(await server.db.query({ text: 'select status from runs' })).toEqual([
    { status: 'completed' },
    { status: 'completed' },
  ])
})
