/** POST /v1/import. */
import { strToU8, zipSync } from 'fflate'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { assistant, message } from './fixtures.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({
    config: {
      maxFileBytes: 20_000,
      keys: new Map([
        ['key-a', 'a'],
        ['key-b', 'b'],
      ]),
    },
  })
})
afterEach(async () => {
  await server.close()
})

async function post(
  content: string | Uint8Array<ArrayBuffer>,
  name: string,
  { key = 'key-a', query = '' } = {},
) {
  const form = new FormData()
  form.append('file', new Blob([content]), name)
  const response = await fetch(`${server.url}/import${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  })
  return { status: response.status, body: (await response.json()) as any }
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
  const bomb = zipSync({ 'a.json': strToU8(' '.repeat(1_000_000)) })
  const refused = await post(new Uint8Array(bomb), 'bomb.zip')
  expect(refused.status).toBe(400)
  expect(refused.body.error.message).toContain('The zip holds more than 400000 bytes')
  const damaged = await post('PK\u0003\u0004 and no zip', 'b.zip')
  expect(damaged.status).toBe(400)
  expect((await post(' '.repeat(30_000), 'large.json')).status).toBe(413)
})
