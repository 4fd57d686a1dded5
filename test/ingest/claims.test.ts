import type { Statement } from '../../src/database/database.ts'
import { rowsRead, type Plan } from '../harness/plans.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimIngests, type IngestRow } from '../../src/sql/ingest.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate } from '../harness/stories.ts'
import { uploadFile } from '../harness/vector-stores.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({ scriptedEmbedder: true, config: { roles: new Set(['api']) } })
})
afterEach(() => server.close())

/** Stores with so many files; the name of a store begins with its project. */
async function fill(stores: Record<string, number>): Promise<void> {
  const file_id = await uploadFile(server, 'a.txt', 'some words')
  for (const [store, files] of Object.entries(stores)) {
    const { id } = await server.openai.vectorStores.create({ name: store })
    await server.openai.vectorStores.files.create(id, { file_id })
    await server.db.query({
      text: `update vector_store_files set project = $2, file_id = 'f0' where vector_store_id = $1`,
      values: [id, store.split('/')[0]],
    })
    await server.db.query({
      text: `insert into vector_store_files (project, vector_store_id, file_id, created_at, status, chunking_strategy,
                                             attributes)
             select project, vector_store_id, 'f' || n, 1, 'in_progress', '{}', '{}'
             from vector_store_files, generate_series(1, $2::int - 1) n where vector_store_id = $1`,
      values: [id, files],
    })
  }
}

async function claim(limit: number): Promise<IngestRow[]> {
  const embedder = server.retrieval.embedder.id
  return claimIngests(server.db, { worker: 'worker_test', embedder, limit, suspects: true, except: [] })
}

function countBy(rows: IngestRow[], key: 'project' | 'vector_store_id'): number[] {
  const counts = new Map<string, number>()
  for (const row of rows) counts.set(row[key], (counts.get(row[key]) ?? 0) + 1)
  return [...counts.values()].toSorted((one, other) => one - other)
}

test('projects take turns, whatever the number of their stores', async () => {
  await fill({ 'big/1': 5, 'big/2': 5, 'big/3': 5, 'big/4': 5, 'small/1': 2, 'other/1': 1 })
  expect(countBy(await claim(3), 'project')).toEqual([1, 1, 1])
})

test('a project with files at work comes after one without', async () => {
  await fill({ 'big/1': 9, 'big/2': 9 })
  expect(await claim(2)).toHaveLength(2)
  await fill({ 'small/1': 1 })
  expect((await claim(1)).map(({ project }) => project)).toEqual(['small'])
})

test('the stores of a project take turns', async () => {
  await fill({ 'big/1': 9, 'big/2': 9, 'big/3': 9 })
  const rows = [...(await claim(1)), ...(await claim(1)), ...(await claim(1))]
  expect(countBy(rows, 'vector_store_id')).toEqual([1, 1, 1])
  expect(countBy([...rows, ...(await claim(3))], 'vector_store_id')).toEqual([2, 2, 2])
})

test('a file is claimed once', async () => {
  await fill({ 'big/1': 1, 'big/2': 1 })
  const claims = await Promise.all([claim(5), claim(5), claim(5)])
  expect(claims.flat()).toHaveLength(2)
  expect(await claim(5)).toEqual([])
})

test('a worker that stops releases its file without a failure and without a pause', async () => {
  const hold = gate()
  server.model.holdEmbeddings(hold.promise)
  const worker = await server.sibling({ roles: new Set(['worker']) })
  const store = await server.openai.vectorStores.create({})
  const file_id = await uploadFile(server, 'a.txt', 'some words')
  await server.openai.vectorStores.files.create(store.id, { file_id })
  const isEmbedding = () => server.model.others.some(({ path }) => path.endsWith('/embeddings'))
  await eventually(isEmbedding, 'the embedding of the file')
  await worker.close()
  const rows = await server.db.query({
    text: 'select lease_owner, failures, retry_at from vector_store_files',
  })
  expect(rows).toEqual([{ lease_owner: null, failures: 0, retry_at: null }])
  hold.open()
  await server.sibling({ roles: new Set(['worker']) })
  expect((await server.openai.vectorStores.files.poll(store.id, file_id)).status).toBe('completed')
})

test('a claim reads as few rows when thousands of files wait as when a few do', async () => {
  const rowsOfClaim = async () => {
    await server.db.query({ text: 'analyze vector_store_files' })
    let rows = 0
    const explain = async (statement: Statement) => {
      const { text, values = [] } = statement
      const [row] = await server.db.query<{ 'QUERY PLAN': { Plan: Plan }[] }>({
        text: `explain (analyze, format json) ${text}`,
        values,
      })
      for (const { Plan } of row?.['QUERY PLAN'] ?? []) rows += rowsRead(Plan)
      return []
    }
    const embedder = server.retrieval.embedder.id
    const wanted = { worker: 'worker_test', embedder, limit: 2, suspects: true, except: [] }
    await claimIngests({ query: explain }, wanted)
    return rows
  }
  await fill({ 'big/1': 20, 'big/2': 20 })
  const few = await rowsOfClaim()
  await fill({ 'big/3': 5000 })
  expect(await rowsOfClaim()).toBeLessThan(few + 50)
})
