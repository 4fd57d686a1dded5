/** Pictures in vector stores, where the operator names a program that reads them. */
import { afterEach, expect, test } from 'vitest'
import { ocrProgram } from '../harness/ocr-programs.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { uploadFile } from '../harness/vector-stores.ts'
import { pdf } from '../documents/make-files.ts'

let server: TestServer
afterEach(() => server.close())

test('a picture is searched by its text, and a list of files shows which pages were read by OCR', async () => {
  const ocr = ocrProgram('echo "The invoice is due in May."')
  server = await testServer({ scriptedEmbedder: true, config: { ocr } })
  const scan = Buffer.from(pdf(['Printed.', '']))
  const file_ids = [await uploadFile(server, 'photo.png', 'a'), await uploadFile(server, 'scan.pdf', scan)]
  const store = await server.openai.vectorStores.create({})
  const batch = await server.openai.vectorStores.fileBatches.createAndPoll(store.id, { file_ids })
  expect(batch.file_counts).toMatchObject({ completed: 2, failed: 0 })
  const { data } = await server.openai.vectorStores.search(store.id, { query: 'invoice' })
  expect(data.map(({ filename }) => filename).toSorted()).toEqual(['photo.png', 'scan.pdf'])
  const page = await server.request('GET', `/vector_stores/${store.id}/files?include[]=progress&order=asc`)
  const files = (page.body as { data: { progress: { warnings: string[] } }[] }).data
  expect(files.map(({ progress }) => progress.warnings)).toEqual([[], ['1 of 2 pages were read by OCR: 2']])
  const text = await server.request('GET', `/files/${file_ids[0]}/text`)
  expect(JSON.stringify(text.body)).toContain('The invoice is due in May.')
  server.complaints.splice(0)
})

test('without such a program a picture is refused at once', async () => {
  server = await testServer({ scriptedEmbedder: true })
  const file_id = await uploadFile(server, 'photo.png', 'a')
  const store = await server.openai.vectorStores.create({})
  await expect(server.openai.vectorStores.files.create(store.id, { file_id })).rejects.toMatchObject({
    status: 400,
    code: 'unsupported_file',
  })
})
