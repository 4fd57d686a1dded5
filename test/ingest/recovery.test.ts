import { afterEach, beforeEach, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually } from '../harness/stories.ts'
import { uploadFile } from '../harness/vector-stores.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterEach(() => server.close())

test('a file whose worker is lost four times without progress fails', async () => {
  const file_id = await uploadFile(server, 'a.txt', 'some words')
  const store = await server.openai.vectorStores.create({})
  server.model.holdEmbeddings(new Promise(() => {}))
  await server.openai.vectorStores.files.create(store.id, { file_id })
  const row = async () => {
    const [found] = await server.db.query<{ attempt: number; embedding: boolean; status: string }>({
      text: `select attempt, chunk_count is not null and lease_owner is not null as embedding, status
             from vector_store_files where file_id = $1`,
      values: [file_id],
    })
    return found ?? { attempt: 0, embedding: false, status: 'unknown' }
  }
  let attempt = 0
  for (let losses = 0; losses < 4; losses += 1) {
    await eventually(async () => {
      const found = await row()
      return found.embedding && found.attempt > attempt
    }, 'the next attempt')
    ;({ attempt } = await row())
    await server.db.query({
      text: `update vector_store_files set lease_owner = 'worker_dead' where file_id = $1`,
      values: [file_id],
    })
  }
  await eventually(async () => (await row()).status !== 'in_progress', 'the end')
  const file = await server.openai.vectorStores.files.retrieve(file_id, { vector_store_id: store.id })
  expect(file.status).toBe('failed')
  expect(file.last_error?.code).toBe('server_error')
  expect(server.complaints.splice(0).at(-1)).toMatchObject({ message: 'a file could not be brought in' })
})
