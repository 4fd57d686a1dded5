import { afterEach, beforeEach, expect, test } from 'vitest'
import { databaseProxy, type DatabaseProxy } from '../harness/database-proxy.ts'
import { startProcess } from '../harness/process.ts'
import { readStream, requestStream, streamEvents } from '../harness/read-stream.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories } from '../harness/stories.ts'

let server: TestServer
let proxy: DatabaseProxy
beforeEach(async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
  proxy = await databaseProxy(server.databaseUrl)
})
afterEach(async () => {
  await server.close()
  await proxy.close()
})

const { newAssistant, newThread, reach, messages } = stories(() => server)

/** The stream of a new run on a new thread, by way of the server with this address. */
async function openStream(url: string | undefined): Promise<{ response: Response; thread: any }> {
  const [assistant, thread] = [await newAssistant(), await newThread('Hello')]
  const path = `/v1/threads/${thread.id}/runs`
  return { response: await requestStream(`${url}${path}`, { assistant_id: assistant.id }), thread }
}

const isDelta = ({ event }: { event: string }) => event === 'thread.message.delta'
const isReady = async (url: string | undefined) => (await fetch(`${url}/readyz`)).ok

/** The warnings that an outage causes, also of connections whose loss is noticed late. */
const outageWarnings =
  /database|heartbeat|claimed|notifications|compared|looked up|deleted|released|written|trace of runs/

test('a stream goes on after the process that sends it had no database', async () => {
  server.allowComplaints(outageWarnings)
  const api = await server.sibling({ roles: new Set(['api']), databaseUrl: proxy.url })
  await server.sibling({ roles: new Set(['worker']) })
  const [more, cut] = [gate(), gate()]
  server.model.script([{ text: ['Hel', 'lo'], hold: more.promise }])
  const { response, thread } = await openStream(api.url)
  const seen: string[] = []
  const reading = (async () => {
    for await (const one of streamEvents(response)) {
      seen.push(one.event)
      if (isDelta(one)) cut.open()
    }
  })()
  await cut.promise
  proxy.block()
  await eventually(async () => !(await isReady(api.url)), 'the outage')
  more.open()
  await eventually(async () => (await messages(thread)).data[1]?.status === 'completed', 'the end of the run')
  proxy.pass()
  await reading
  expect(seen.slice(-3)).toEqual(['thread.run.step.completed', 'thread.run.completed', 'done'])
  expect(seen).not.toContain('error')
})

test('a server that stops says so at once, and its streams and requests end by themselves', async () => {
  const api = await server.sibling({ roles: new Set(['api']), drainSeconds: 25 })
  await server.sibling({ roles: new Set(['worker']) })
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const { response, thread } = await openStream(api.url)
  const reading = readStream(response)
  await eventually(() => server.model.open() === 1, 'the answer of the model')
  const closing = api.close()
  await eventually(async () => !(await isReady(api.url)), 'the answer that the server is not ready')
  const late = await fetch(`${api.url}/v1/threads/${thread.id}`, {
    headers: { authorization: 'Bearer test-key', 'openai-beta': 'assistants=v2' },
  })
  expect(late.status).toBe(200)
  expect(late.headers.get('connection')).toBe('close')
  hold.open()
  expect((await reading).map(({ event }) => event).slice(-2)).toEqual(['thread.run.completed', 'done'])
  await closing
})

test('SIGTERM lets an API process finish its streams', async () => {
  await server.sibling({ roles: new Set(['worker']) })
  const process = await startProcess(server.dataDir, {
    DATABASE_URL: server.databaseUrl,
    SPOOL_ROLES: 'api',
    OPENAI_BASE_URL: server.model.url,
  })
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const { response } = await openStream(process.url)
  const reading = readStream(response)
  await eventually(() => server.model.open() === 1, 'the answer of the model')
  const ending = process.end('SIGTERM')
  await eventually(async () => !(await isReady(process.url)), 'the answer that the server is not ready')
  hold.open()
  expect((await reading).map(({ event }) => event).slice(-2)).toEqual(['thread.run.completed', 'done'])
  await ending
})

test('the stream of a run that ended during the outage of its process is replayed from its log', async () => {
  server.allowComplaints(outageWarnings)
  const api = await server.sibling({ roles: new Set(['api']), databaseUrl: proxy.url })
  await server.sibling({ roles: new Set(['worker']) })
  server.model.script([{ text: 'Hi' }])
  const { response } = await openStream(server.url.replace('/v1', ''))
  const [created] = await readStream(response)
  const run = (created as any).data
  await reach(run, 'completed')
  proxy.block()
  await eventually(async () => !(await isReady(api.url)), 'the outage')
  proxy.pass()
  await eventually(() => isReady(api.url), 'the end of the outage')
  const replayed = await fetch(`${api.url}/v1/threads/${run.thread_id}/runs/${run.id}/events`, {
    headers: { authorization: 'Bearer test-key', 'openai-beta': 'assistants=v2' },
  })
  expect((await readStream(replayed)).at(-2)?.event).toBe('thread.run.completed')
})

test('a run whose worker had no database for a while goes on where it was, and is not recovered', async () => {
  server.allowComplaints(outageWarnings)
  await server.sibling({ roles: new Set(['worker']), databaseUrl: proxy.url })
  const [more, cut] = [gate(), gate()]
  server.model.script([{ text: ['Hel', 'lo'], hold: more.promise }])
  const { response, thread } = await openStream(server.url.replace('/v1', ''))
  const seen: any[] = []
  const reading = (async () => {
    for await (const one of streamEvents(response)) {
      seen.push(one)
      if (isDelta(one)) cut.open()
    }
  })()
  await cut.promise
  proxy.block()
  more.open()
  await eventually(
    () => server.logLines.some(({ message }) => message === 'runs wait for the database'),
    'a write that found no database',
  )
  proxy.pass()
  await reading
  expect(seen.map(({ event }) => event).slice(-2)).toEqual(['thread.run.completed', 'done'])
  expect(seen.filter(({ event }) => event === 'thread.message.created')).toHaveLength(1)
  expect((await messages(thread)).data[1].content[0].text.value).toBe('Hello')
  const { body } = await server.request('GET', `/threads/${thread.id}/runs/${seen[0].data.id}/trace`)
  expect(body.attempts).toBe(1)
})

test('the log has each warning of an outage once, and says when the outage ended', async () => {
  const worker = await startProcess(server.dataDir, {
    DATABASE_URL: proxy.url,
    SPOOL_DISCOVERY: 'false',
    SPOOL_LOG_LEVEL: 'debug',
  })
  const lines = (level: string, message: string) =>
    worker
      .output()
      .split('\n')
      .filter((line) => line.startsWith(`{"level":"${level}"`) && line.includes(`"msg":"${message}"`))
  const warnings = ['no runs could be claimed', 'expired objects could not be deleted']
  const heartbeat = 'the heartbeat could not reach the database'
  proxy.block()
  for (const message of [...warnings, heartbeat])
    await eventually(() => lines('debug', message).length >= 2, 'two repeated warnings')
  proxy.pass()
  await eventually(
    () => lines('info', 'the heartbeat reaches the database again').length > 0,
    'the end of the outage',
  )
  for (const message of [...warnings, heartbeat]) expect(lines('warn', message)).toHaveLength(1)
  expect(lines('info', 'the heartbeat reaches the database again')).toHaveLength(1)
  await worker.end('SIGTERM')
})

test('a connection that is cut while a run reads and writes does not fail the run', async () => {
  server.allowComplaints(outageWarnings)
  const worker = await server.sibling({ roles: new Set(['worker']), databaseUrl: proxy.url })
  server.model.whenever((body) =>
    body.messages.at(-1).role === 'tool' && body.messages.length > 12
      ? { text: 'done' }
      : { text: 'Once more.', calls: [{ name: 'nothing_like_it', arguments: '{}' }] },
  )
  const { response } = await openStream(server.url.replace('/v1', ''))
  const seen: string[] = []
  for await (const { event } of streamEvents(response)) {
    seen.push(event)
    if (event !== 'thread.message.completed') continue
    proxy.block()
    proxy.pass()
  }
  server.model.whenever(undefined)
  await worker.close()
  expect(seen.slice(-2)).toEqual(['thread.run.completed', 'done'])
})

test('all connections ended by the database at once fail neither a run nor its stream', async () => {
  server.allowComplaints(outageWarnings)
  await server.sibling({ roles: new Set(['worker']) })
  const more = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: more.promise }])
  const { response } = await openStream(server.url.replace('/v1', ''))
  const seen: string[] = []
  for await (const one of streamEvents(response)) {
    seen.push(one.event)
    if (!isDelta(one) || seen.filter((event) => event === one.event).length > 1) continue
    await server.db
      .query({
        text: `select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()`,
      })
      .catch(() => undefined)
    more.open()
  }
  expect(seen.slice(-2)).toEqual(['thread.run.completed', 'done'])
})

test('a worker that stops waits for a run that is being created as its own, and releases it', async () => {
  const both = await server.sibling({ roles: new Set(['api', 'worker']) })
  const [assistant, thread] = [await newAssistant(), await newThread('Hello')]
  const [locked, unlock] = [gate(), gate()]
  const holding = server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from threads where id = $1 for update', values: [thread.id] })
    locked.open()
    await unlock.promise
  })
  await locked.promise
  const creating = requestStream(`${both.url}/v1/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const text = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await eventually(async () => (await server.db.query({ text })).length > 0, 'the creation to wait')
  const closing = both.close()
  await eventually(async () => !(await isReady(both.url)), 'the answer that the server is not ready')
  unlock.open()
  await holding
  await readStream(await creating)
  await closing
  const rows = await server.db.query({ text: 'select attempt, lease_owner from runs' })
  expect(rows).toEqual([{ attempt: 1, lease_owner: null }])
})

test('a worker that stops releases its runs, and another one recovers them without counting a loss', async () => {
  const worker = await server.sibling({ roles: new Set(['worker']) })
  server.model.script([{ text: ['Hel', 'lo'], hold: new Promise(() => {}) }, { text: 'Hello' }])
  const { response, thread } = await openStream(server.url.replace('/v1', ''))
  const reading = readStream(response)
  await eventually(async () => (await messages(thread)).data.length === 2, 'the answer')
  await worker.close()
  const row = async () => {
    const [found] = await server.db.query<{ lease_owner: string | null; recoveries: number; losses: number }>(
      {
        text: 'select lease_owner, recoveries, losses from runs where thread_id = $1',
        values: [thread.id],
      },
    )
    return found
  }
  expect(await row()).toEqual({ lease_owner: null, recoveries: 0, losses: 0 })
  await server.sibling({ roles: new Set(['worker']) })
  expect((await reading).at(-2)?.event).toBe('thread.run.completed')
  expect(await row()).toMatchObject({ recoveries: 0, losses: 0 })
})
