import { afterEach, beforeEach, expect, test } from 'vitest'
import { toFile } from 'openai'
import { databaseProxy, type DatabaseProxy } from '../harness/database-proxy.ts'
import { onServer, urlInDatabase } from '../harness/server-url.ts'
import { testServer, type TestServer } from '../harness/server.ts'

let server: TestServer
let proxy: DatabaseProxy
beforeEach(async () => {
  server = await testServer()
  proxy = await databaseProxy(server.databaseUrl)
})
afterEach(async () => {
  await server.close()
  await proxy.close()
})

const readiness = async (app: { url: string | undefined }) => {
  const response = await fetch(`${app.url}/readyz`)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Ends the connections that were opened before a setting was changed. */
const endConnections = () =>
  onServer(
    urlInDatabase(server.databaseUrl, 'postgres'),
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = '${new URL(server.databaseUrl).pathname.slice(1)}'`,
  )

test('readiness names the state of each part, and no path or address', async () => {
  const { status, body } = await readiness({ url: server.url.replace('/v1', '') })
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { ready: true, database: { status: 'up' }, disk: { status: 'ok' }, model: { demo: false } },
  })
  expect(JSON.stringify(body)).not.toContain(server.dataDir)
  expect(JSON.stringify(body)).not.toContain('127.0.0.1')
})

test('when the database does not answer, requests end with 503 and the server is not ready', async () => {
  const other = await server.sibling({
    databaseUrl: proxy.url,
    databaseTimeoutMs: 3_000,
    roles: new Set(['api']),
  })
  const thread = await other.openai.beta.threads.create()
  server.allowComplaints(/unavailable|connection that listens|idle database connection/)
  proxy.goSilent()
  await expect
    .poll(() => readiness(other))
    .toMatchObject({ status: 503, body: { database: { status: 'down' } } })
  for (const work of [
    () => other.openai.beta.threads.retrieve(thread.id),
    () => other.openai.beta.threads.messages.create(thread.id, { role: 'user', content: 'Hi' }),
    () => other.openai.beta.assistants.create({ model: 'gpt-4o' }),
  ]) {
    await expect(work()).rejects.toMatchObject({ status: 503 })
  }
  proxy.heal()
  await expect.poll(() => readiness(other)).toMatchObject({ status: 200 })
  expect((await other.openai.beta.threads.retrieve(thread.id)).id).toBe(thread.id)
  proxy.reset()
  await expect.poll(() => readiness(other)).toMatchObject({ status: 200 })
})

test('a server stays ready while its database is slow, and is not when no answer comes', async () => {
  const other = await server.sibling({ databaseUrl: proxy.url, roles: new Set(['api']) })
  const slow = []
  for (let probe = 0; probe < 3; probe += 1) {
    proxy.pause()
    slow.push(await readiness(other))
    const request = other.openai.beta.threads.create()
    proxy.resume()
    expect((await request).object).toBe('thread')
  }
  expect(slow.map(({ status }) => status)).toEqual([200, 200, 200])
  proxy.pause()
  await expect
    .poll(() => readiness(other))
    .toMatchObject({ status: 503, body: { database: { status: 'down' } } })
  expect(await readiness(other)).toMatchObject({ status: 503 })
  proxy.resume()
  await expect.poll(() => readiness(other)).toMatchObject({ status: 200 })
})

test.each(['database', 'role current_user in database'])(
  'a server is not ready while a setting of its %s makes the database read-only',
  async (owner) => {
    server.allowComplaints(/./)
    const name = new URL(server.databaseUrl).pathname.slice(1)
    const change = (setting: string) =>
      onServer(urlInDatabase(server.databaseUrl, 'postgres'), `alter ${owner} ${name} ${setting}`)
    const other = await server.sibling({ roles: new Set(['api']), databasePool: 2 })
    const thread = await other.openai.beta.threads.create()
    await change('set default_transaction_read_only = on')
    await endConnections()
    await expect
      .poll(() => readiness(other))
      .toMatchObject({
        status: 503,
        body: { ready: false, database: { status: 'read_only' } },
      })
    expect((await other.openai.beta.threads.retrieve(thread.id)).id).toBe(thread.id)
    await change('reset default_transaction_read_only')
    await expect
      .poll(() => readiness(other))
      .toMatchObject({
        status: 200,
        body: { database: { status: 'up' } },
      })
    const message = await other.openai.beta.threads.messages.create(thread.id, {
      role: 'user',
      content: 'Hi',
    })
    expect(message.thread_id).toBe(thread.id)
  },
)

test('with less free disk space than configured, files are refused and the server is not ready', async () => {
  const other = await server.sibling({ minFreeDiskBytes: 2 ** 60, roles: new Set(['api']) })
  expect(await readiness(other)).toMatchObject({
    status: 503,
    body: { ready: false, disk: { status: 'full' } },
  })
  const file = await toFile(Buffer.from('words'), 'a.txt')
  await expect(other.openai.files.create({ file, purpose: 'assistants' })).rejects.toMatchObject({
    status: 503,
    error: {
      type: 'server_error',
      message: expect.stringContaining('the disk for file contents is nearly full'),
    },
  })
  expect((await other.openai.beta.threads.create()).object).toBe('thread')
  expect(server.complaints).toMatchObject([{ message: expect.stringContaining('unavailable') }])
  server.complaints.length = 0
})
