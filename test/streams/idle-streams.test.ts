import { request } from 'node:http'
import { resolve } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { startProcess, type ServerProcess } from '../harness/process.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually } from '../harness/stories.ts'

vi.setConfig({ testTimeout: 240_000 })

let server: TestServer
let api: ServerProcess
afterEach(async () => {
  await api.end('SIGKILL')
  // No worker executes the runs.
  await server.db.query({ text: 'delete from runs' })
  await server.close()
})

/** Opens streams of runs that no worker takes, 20 at a time, and keeps them open. */
async function openStreams(assistant_id: string, count: number): Promise<void> {
  const thread = { messages: [{ role: 'user', content: 'Hi' }] }
  const body = JSON.stringify({ assistant_id, stream: true, thread })
  const headers = {
    authorization: 'Bearer test-key',
    'openai-beta': 'assistants=v2',
    'content-type': 'application/json',
  }
  const openOne = () =>
    new Promise<void>((opened, failed) => {
      const options = { method: 'POST', agent: false, headers }
      const sent = request(`${api.url}/v1/threads/runs`, options, (answer) => {
        // The server is killed at the end.
        answer.on('error', () => undefined).on('data', () => opened())
      })
      sent.on('error', failed).end(body)
    })
  let left = count
  const openSome = async () => {
    for (; left > 0; left -= 1) await openOne()
  }
  await Promise.all(Array.from({ length: 20 }, openSome))
}

/** Bytes that the objects of the server hold. */
async function heapBytes(): Promise<number> {
  const reports = () => [...api.output().matchAll(/^heap: (\d+)$/gm)].map(([, bytes]) => Number(bytes))
  const before = reports().length
  process.kill(api.pid, 'SIGUSR2')
  await eventually(() => reports().length > before, 'the size of the heap')
  return reports().at(-1) ?? 0
}

test('an idle stream holds about 20 KiB of the memory of a server', async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
  const helper = resolve(import.meta.dirname, '../harness/report-heap.mjs')
  api = await startProcess(server.dataDir, {
    DATABASE_URL: server.databaseUrl,
    SPOOL_ROLES: 'api',
    SPOOL_DISCOVERY: 'false',
    OPENAI_BASE_URL: server.model.url,
    NODE_OPTIONS: `--expose-gc --import=${helper}`,
  })
  const { id } = await api.openai.beta.assistants.create({ model: 'gpt-4o' })
  // The first ones pay for what all share.
  await openStreams(id, 200)
  const before = await heapBytes()
  const streams = 500
  await openStreams(id, streams)
  const each = (await heapBytes()) - before
  // 22 KiB were measured; the rest is for versions of Node.js and caches.
  expect(each / streams / 1024).toBeLessThan(35)
})
