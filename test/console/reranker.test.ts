/** A server whose searches have a reranker. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { toFile } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openConsole, type Console } from './console.ts'

let server: Console
let isUp = true
const folder = mkdtempSync(join(tmpdir(), 'spool-reranker-'))
const reranker = createServer((request, response) => {
  void json(request).then((body) => {
    const { documents } = body as { documents: string[] }
    const results = documents.map((_, index) => ({ index, relevance_score: 0.875 }))
    response.writeHead(isUp ? 200 : 400, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isUp ? { results } : {}))
  })
})

beforeAll(async () => {
  await new Promise<void>((resolve) => reranker.listen(0, '127.0.0.1', resolve))
  const base_url = `http://127.0.0.1:${(reranker.address() as AddressInfo).port}/v1`
  const SPOOL_CONFIG = join(folder, 'config.json')
  const providers = { demo: { type: 'demo' }, cross: { type: 'rerank', base_url, model: 'm' } }
  writeFileSync(SPOOL_CONFIG, JSON.stringify({ providers }))
  server = await openConsole({ SPOOL_CONFIG })
})
afterAll(async () => {
  await server.close()
  reranker.close()
  rmSync(folder, { recursive: true, force: true })
})

test('the search of a vector store shows the score of the reranker, or that it failed', async () => {
  const { openai } = server
  const file = await openai.files.create({
    file: await toFile(Buffer.from('The ferry leaves at nine.'), 'harbour.md'),
    purpose: 'assistants',
  })
  const store = await openai.vectorStores.create({ name: 'Papers' })
  await openai.vectorStores.files.createAndPoll(store.id, { file_id: file.id })
  const visit = await server.visit(`/console/vector-stores/${store.id}?tab=search`)
  const bar = visit.page.locator('.score-bars > div', { hasText: 'Reranker' })
  const search = async (query: string) => {
    await visit.page.getByRole('textbox', { name: 'Query' }).fill(query)
    await visit.page.getByRole('button', { name: 'Search', exact: true }).click()
  }
  await search('ferry')
  await bar.getByText('0.875').waitFor()
  isUp = false
  await search('ferry leaves')
  await bar.getByText('–').waitFor()
  expect(await bar.count()).toBe(1)
  await visit.close()
})
