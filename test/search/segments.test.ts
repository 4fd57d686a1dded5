import { afterAll, beforeEach, expect, test } from 'vitest'
import type { Database, Statement } from '../../src/database/database.ts'
import { hashTerm, packCounts } from '../../src/documents/index.ts'
import { ScanIndex } from '../../src/search/scan-index.ts'
import { makeSegments } from '../../src/search/segments.ts'
import { toBytes, vectorSource, wordSource } from '../../src/search/store-sources.ts'
import type { Hit } from '../../src/search/top-hits.ts'
import { addVectorSegment } from '../../src/search/vector-lots.ts'
import { WordIndex } from '../../src/search/word-index.ts'
import { addWordSegment } from '../../src/search/word-segments.ts'
import { queueChunks, removeQueuedChunks } from '../../src/sql/removals.ts'
import { randomVectors } from '../contracts/vector-index.ts'
import { testDatabase } from '../harness/database.ts'

const never = new AbortController().signal
const store = 'vs_1'
const [files, chunksPerFile, dimensions] = [60, 5, 16]
const chunks = files * chunksPerFile
/** Of a segment: 60 files of 5 chunks give three of 20 files. */
const size = 100
const roomy = { budgetBytes: 1 << 24 }
const queries = ['rare7', 'common', 'mixed2 mixed3 rare12', 'common mixed1 mixed1', 'missing']
const [query = new Float32Array()] = randomVectors(1, dimensions, 99)

const database = await testDatabase()
const { db } = database
afterAll(() => database.drop())

beforeEach(async () => {
  for (const table of [
    'chunks',
    'chunk_windows',
    'index_pages',
    'index_segments',
    'vector_store_files',
    'vector_stores',
  ])
    await db.query({ text: `delete from ${table}` })
  await db.query({
    text: `insert into vector_stores (id, project, created_at, last_active_at, metadata, embedder, version)
           values ($1, 'default', 1, 1, '{}', 'test', 1)`,
    values: [store],
  })
  await addFiles(1, files)
})

/** The terms of a chunk; some are in it more than once, and one so often that its count is cut. */
function termsOf(chunk: number): Buffer {
  const counts: [string, number][] = [
    ['common', 1 + (chunk % 4)],
    [`mixed${chunk % 5}`, chunk % 7 === 0 ? 255 : 1],
    [`rare${chunk}`, 2],
    ...Array.from({ length: chunk % 9 }, (_, at): [string, number] => [`filler${at}`, 1]),
  ]
  return Buffer.from(packCounts('--', new Map(counts.map(([word, count]) => [hashTerm(word), count]))))
}

async function addFiles(first: number, count: number): Promise<void> {
  const owners = Array.from(
    { length: count * chunksPerFile },
    (_, at) => first + Math.floor(at / chunksPerFile),
  )
  const positions = owners.map((_, at) => at % chunksPerFile)
  const numbers = owners.map((file, at) => (file - 1) * chunksPerFile + (positions[at] ?? 0))
  await db.query({
    text: `insert into vector_store_files (seq, project, vector_store_id, file_id, created_at, status,
             chunking_strategy, attributes, chunk_count, embedded)
           overriding system value
           select n, 'default', $1, 'file-' || n, 1, 'completed', '{"type":"other"}', '{}', $4, $4
           from generate_series($2::int, $3::int) n`,
    values: [store, first, first + count - 1, chunksPerFile],
  })
  await db.query({
    text: `insert into chunks (vector_store_id, store_file, position, text, start_at, end_at, terms)
           select $1, f, p, 'text', 0, 4, t from unnest($2::bigint[], $3::int[], $4::bytea[]) as c (f, p, t)`,
    values: [store, owners, positions, numbers.map(termsOf)],
  })
  await db.query({
    text: `insert into chunk_windows (vector_store_id, store_file, number, positions, vector)
           select $1, f, p, array[p], v from unnest($2::bigint[], $3::int[], $4::bytea[]) as c (f, p, v)`,
    values: [
      store,
      owners,
      positions,
      numbers.map((at) => toBytes(randomVectors(1, dimensions, at + 1)[0] ?? query)),
    ],
  })
}

async function removeFiles(condition: string): Promise<void> {
  await db.query({ text: `delete from vector_store_files where ${condition.replaceAll('file', 'seq')}` })
  for (const table of ['chunks', 'chunk_windows'])
    await db.query({ text: `delete from ${table} where ${condition.replaceAll('file', 'store_file')}` })
  await db.query({ text: 'update vector_stores set version = version + 1' })
}

/** A process: its indexes, and how many rows of chunks and windows they read. */
function open(segmentChunks: number, budgetBytes = roomy.budgetBytes) {
  const read = { rows: 0 }
  const counted: Database = {
    ...db,
    transaction: (work) => db.transaction(work),
    query: async <Row extends object>(statement: Statement) => {
      const rows = await db.query<Row>(statement)
      if (statement.name === 'page_of_terms' || statement.name === 'page_of_windows') read.rows += rows.length
      return rows
    },
  }
  const words = new WordIndex({ budgetBytes, segmentChunks })
  const vectors = new ScanIndex({ budgetBytes, segmentChunks })
  const [wordRows, vectorRows] = [wordSource(counted, store), vectorSource(counted, store, dimensions)]
  const all = { limit: 2 * chunks }
  const search = async (): Promise<Hit[][]> => {
    const found = [await vectors.search(vectorRows, query, all, never)]
    for (const text of queries) {
      found.push((await words.search(wordRows, { text, language: undefined }, all, never)).hits)
    }
    return found.map((hits) =>
      hits.map(({ chunk_id, score }) => ({ chunk_id, score: Number(score.toFixed(5)) })),
    )
  }
  return { search, read, words, vectors }
}

async function segments(): Promise<{ words: number; vectors: number }> {
  const rows = await db.query<{ kind: string; files: number[] }>({
    text: 'select kind, files from index_segments',
  })
  for (const kind of ['words', 'vectors']) {
    const held = rows.filter((row) => row.kind === kind).flatMap((row) => row.files)
    expect(held).toHaveLength(new Set(held).size)
  }
  const count = (kind: string) => rows.filter((row) => row.kind === kind).length
  return { words: count('words'), vectors: count('vectors') }
}

const huge = 1 << 20

test.each([
  ['in memory', roomy.budgetBytes],
  ['beyond the memory budget', 0],
])(
  'a search of segments %s finds what an index of all rows finds, with the same scores',
  async (_, budget) => {
    const expected = await open(huge).search()
    expect(expected[1]?.map(({ chunk_id }) => chunk_id)).toEqual(['2.2'])
    expect(expected[2]).toHaveLength(chunks)
    const first = open(size, budget)
    expect(await first.search()).toEqual(expected)
    expect(await segments()).toEqual({ words: 3, vectors: 3 })
    const restarted = open(size, budget)
    expect(await restarted.search()).toEqual(expected)
    expect(restarted.read.rows).toBe(0)
  },
)

test('after a restart only the chunks that are in no segment are read from their rows', async () => {
  await open(size).search()
  await addFiles(files + 1, 3)
  const restarted = open(size)
  expect(await restarted.search()).toEqual(await open(huge).search())
  expect(restarted.read.rows).toBe(2 * 3 * chunksPerFile)
})

test('the segments are made while a store grows, and a search that comes later reads no rows', async () => {
  const [words, vectors] = [wordSource(db, store), vectorSource(db, store, dimensions)]
  await makeSegments(words, size, addWordSegment)
  await makeSegments(vectors, size, addVectorSegment)
  await addFiles(files + 1, 20)
  await makeSegments(words, size, addWordSegment)
  await makeSegments(vectors, size, addVectorSegment)
  expect(await segments()).toEqual({ words: 4, vectors: 4 })
  const later = open(size)
  expect(await later.search()).toEqual(await open(huge).search())
  expect(later.read.rows).toBe(0)
})

test('chunks that come one by one are in memory until they are enough for a segment', async () => {
  const grown = open(size)
  await grown.search()
  for (let file = files + 1; file <= files + 45; file += 5) {
    await addFiles(file, 5)
    await db.query({ text: 'update vector_stores set version = version + 1' })
    expect(await grown.search()).toEqual(await open(huge).search())
  }
  expect(await segments()).toEqual({ words: 5, vectors: 5 })
})

test('removed files are not found, and a segment with few chunks left is made again of what is left', async () => {
  const process = open(size)
  await process.search()
  await removeFiles('file between 1 and 5')
  expect(await process.search()).toEqual(await open(huge).search())
  expect(await segments()).toEqual({ words: 3, vectors: 3 })
  await removeFiles('file between 1 and 32')
  expect(await process.search()).toEqual(await open(huge).search())
  expect(await open(size).search()).toEqual(await open(huge).search())
  const left = await segments()
  expect(left.words).toBeLessThan(3)
  expect(left.vectors).toBeLessThan(3)
})

test('a process finds all when another one has removed or made segments', async () => {
  const [one, other] = [open(size), open(size)]
  const expected = await one.search()
  await db.query({ text: 'delete from index_pages' })
  await db.query({ text: 'delete from index_segments' })
  expect(await one.search()).toEqual(expected)
  expect(await other.search()).toEqual(expected)
})

test('processes that make segments at once make each of them once', async () => {
  const processes = [open(size), open(size), open(size)]
  const expected = await open(huge).search()
  for (const found of await Promise.all(processes.map(({ search }) => search())))
    expect(found).toEqual(expected)
  expect(await segments()).toEqual({ words: 3, vectors: 3 })
})

test('segments of earlier rules are not read, and are removed when there are new ones', async () => {
  await open(size).search()
  await db.query({ text: 'update index_segments set rules = rules - 1' })
  expect(await open(size).search()).toEqual(await open(huge).search())
  expect(await segments()).toEqual({ words: 3, vectors: 3 })
})

test('a deleted store leaves no segments', async () => {
  await open(size).search()
  await queueChunks(db, store)
  while ((await removeQueuedChunks(db)) > 0);
  for (const table of ['index_segments', 'index_pages'])
    expect(await db.query({ text: `select 1 from ${table}` })).toEqual([])
})
