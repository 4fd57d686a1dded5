/** POST /v1/import. */
import { readdirSync } from 'node:fs'
import { strToU8, zipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { readStream, type SentEvent } from '../harness/read-stream.ts'
import { assistant, makeFolder, message } from './fixtures.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({
    config: {
      maxFileBytes: 2_500_000,
      keys: new Map([
        ['key-a', 'a'],
        ['key-b', 'b'],
      ]),
    },
  })
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
})

function send(
  content: string | Uint8Array<ArrayBuffer>,
  name: string,
  { key = 'key-a', query = '' } = {},
): Promise<Response> {
  const form = new FormData()
  form.append('file', new Blob([content]), name)
  return fetch(`${server.url}/import${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  })
}

async function post(...sent: Parameters<typeof send>) {
  const response = await send(...sent)
  return { status: response.status, body: (await response.json()) as any }
}

async function stream(content: string, name: string, query: string): Promise<SentEvent[]> {
  const response = await send(content, name, { query })
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  return readStream(response)
}

async function assistantsOf(key: string): Promise<string[]> {
  const { body } = await server.request('GET', '/assistants', undefined, { authorization: `Bearer ${key}` })
  return (body as { data: { id: string }[] }).data.map(({ id }) => id)
}

test('a file goes into the project of the key; a dry run writes nothing', async () => {
  const saved = JSON.stringify([assistant('asst_1'), message('thread_1', 'msg_1', 5)])
  const dry = await post(saved, 'all.json', { query: '?dry_run=true' })
  expect(dry).toMatchObject({ status: 200, body: { dry_run: true, kinds: { assistant: { imported: 1 } } } })
  expect(await assistantsOf('key-a')).toEqual([])
  const { status, body } = await post(saved, 'all.json')
  expect(status).toBe(200)
  expect(body).toMatchObject({ object: 'import.report', project: 'a', created_threads: 1 })
  expect(await assistantsOf('key-a')).toEqual(['asst_1'])
  const other = await post(saved, 'all.json', { key: 'key-b' })
  expect(other.body.kinds.message).toMatchObject({ imported: 0, skipped: 1 })
  expect(await assistantsOf('key-b')).toEqual([])
})

test('a zip is unpacked; what is too large or damaged is refused', async () => {
  const zip = zipSync({ 'a/assistants.json': strToU8(JSON.stringify([assistant('asst_zip')])) })
  expect((await post(new Uint8Array(zip), 'export.zip')).body.kinds.assistant).toMatchObject({ imported: 1 })
  const bomb = zipSync({ 'a.json': strToU8(' '.repeat(60_000_000)) })
  const refused = await post(new Uint8Array(bomb), 'bomb.zip')
  expect(refused.status).toBe(400)
  expect(refused.body.error.message).toContain('The zip holds more than 50000000 bytes')
  const damaged = await post('PK\u0003\u0004 and no zip', 'b.zip')
  expect(damaged.status).toBe(400)
  expect((await post(' '.repeat(3_000_000), 'large.json')).status).toBe(413)
})

describe('with stream=true', () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, index) => JSON.stringify(message('thread_s', `msg_${index}`, index)))

  test('the progress comes as events, and the report as the last of them', async () => {
    const events = await stream(lines(9_000).join('\n'), 'all.ndjson', '?stream=true')
    expect(events.map(({ event }) => event).slice(-2)).toEqual(['import.report', 'done'])
    expect(events.at(-2)?.data).toMatchObject({
      object: 'import.report',
      kinds: { message: { imported: 9_000 } },
    })
    const progress = events.filter(({ event }) => event === 'import.progress').map(({ data }) => data)
    expect(progress.length).toBeGreaterThan(0)
    expect(events).toHaveLength(progress.length + 2)
    for (const one of progress) expect(['reading', 'writing', 'ordering']).toContain(one.phase)
    const written = progress.filter(({ phase }) => phase === 'writing').map(({ done }) => done)
    expect(written).toEqual(written.toSorted((a, b) => a - b))
    expect(progress.findLast(({ phase }) => phase === 'writing')).toMatchObject({ total: 9_000 })
  })

  test('a dry run writes nothing, and what cannot be read is an error event', async () => {
    const dry = await stream(lines(5).join('\n'), 'all.ndjson', '?stream=true&dry_run=true')
    expect(dry.at(-2)).toMatchObject({ event: 'import.report', data: { dry_run: true } })
    expect(
      (await server.request('GET', '/threads', undefined, { authorization: 'Bearer key-a' })).body.data,
    ).toEqual([])
    const damaged = await stream('PK\u0003\u0004 and no zip', 'b.zip', '?stream=true')
    expect(damaged).toMatchObject([
      { event: 'error', data: { error: { message: expect.stringContaining('The zip cannot be read') } } },
    ])
    expect((await post('[]', 'a.json', { query: '?stream=yes' })).status).toBe(400)
  })

  test('a client that leaves stops the import', async () => {
    const folder = makeFolder()
    vi.stubEnv('TMPDIR', folder.path)
    const blocked = await server.db.dedicated()
    await blocked.query({ text: 'begin' })
    await blocked.query({ text: 'lock table messages in exclusive mode' })
    const response = await send(lines(9_000).join('\n'), 'all.ndjson', { query: '?stream=true' })
    await response.body?.cancel()
    const hasLeft = () =>
      server.logLines.some(({ fields }) => fields['route'] === '/v1/import' && fields['aborted'])
    await expect.poll(hasLeft).toBe(true)
    await blocked.query({ text: 'rollback' })
    await blocked.close()
    // The last thing that an import does.
    await expect.poll(() => readdirSync(folder.path)).toEqual([])
    const [{ count } = { count: -1 }] = await server.db.query<{ count: number }>({
      text: 'select count(*) from messages',
    })
    expect(count).toBeLessThan(9_000)
    folder.remove()
  })
})
