import { afterEach, beforeEach, expect, test } from 'vitest'
import { toFile } from 'openai'
import { testServer, type TestServer } from '../harness/server.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  await server.close()
})

test('a text file is attached, brought in and found', async () => {
  const { openai } = server
  const store = await openai.vectorStores.create({ name: 'ferries' })
  const file = await openai.vectorStores.files.uploadAndPoll(
    store.id,
    await toFile(Buffer.from('The night ferry leaves from pier 7.\n'), 'ferries.txt'),
  )
  expect(file).toMatchObject({ status: 'completed', last_error: null, usage_bytes: 36 })
  const page = await openai.vectorStores.search(store.id, { query: 'Where does the ferry leave?' })
  expect(page.data).toMatchObject([
    { filename: 'ferries.txt', content: [{ type: 'text', text: 'The night ferry leaves from pier 7.' }] },
  ])
})
