import { afterAll, beforeEach, expect, test } from 'vitest'
import type { Database, Statement } from '../../src/database/database.ts'
import { hashTerm, packCounts } from '../../src/documents/index.ts'
import { ScanIndex } from '../../src/search/scan-index.ts'
import { makeSegments, segmentWriter, SegmentsChanged } from '../../src/search/segments.ts'
import {
  toBytes,
  vectorSegments,
  vectorSource,
  wordSegments,
  wordSource,
} from '../../src/search/store-sources.ts'
import type { Hit } from '../../src/search/top-hits.ts'
import { makeVectorSegment } from '../../src/search/vector-segments.ts'
import { WordIndex } from '../../src/search/word-index.ts'
import { makeWordSegment } from '../../src/search/word-segments.ts'
import { claimSegments, releaseSegments, requestSegments } from '../../src/sql/index-segments.ts'
import { registerWorker } from '../../src/sql/leases.ts'
import { queueChunks, removeQueuedChunks } from '../../src/sql/removals.ts'
import { randomVectors } from '../contracts/vector-index.ts'
import { restartStoreFiles } from '../../src/sql/vector-store-files.ts'
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
    'workers',
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
function open({ budgetBytes = roomy.budgetBytes, mostRows = 1 << 20 } = {}) {
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
  const words = new WordIndex({ budgetBytes, mostRows })
  const vectors = new ScanIndex({ budgetBytes, mostRows })
  const [wordRows, vectorRows] = [wordSource(counted, store), vectorSource(counted, store, dimensions)]
  const all = { limit: 2 * chunks }
  const searchAll = async () => {
    const found = [await vectors.search(vectorRows, query, all, never)]
    for (const text of queries) {
      found.push(await words.search(wordRows, { text, language: undefined }, all, never))
    }
    return found
  }
  const search = async (): Promise<Hit[][]> =>
    (await searchAll()).map(({ hits }) =>
      hits.map(({ chunk_id, score }) => ({ chunk_id, score: Number(score.toFixed(5)) })),
    )
  const missing = async () => Math.max(...(await searchAll()).map((found) => found.missing))
  return { search, missing, read, words }
}

/** What a worker does for the store; it stops before segment number `most`. */
async function makeAll(owner: string, most = Infinity): Promise<void> {
  const claim = { vector_store_id: store, owner }
  let made = 0
  const confirm = async () => {
    made += 1
    if (made > most) throw new Error('stopped')
  }
  const options = { size, confirm }
  await makeSegments(wordSource(db, store), segmentWriter(db, claim, wordSegments), {
    ...options,
    make: makeWordSegment,
  })
  const writer = segmentWriter(db, claim, vectorSegments(dimensions))
  await makeSegments(vectorSource(db, store, dimensions), writer, { ...options, make: makeVectorSegment })
}

async function work(): Promise<void> {
  await requestSegments(db, store)
  expect(await claimSegments(db, 'worker_1')).toMatchObject({ id: store })
  await makeAll('worker_1')
  await releaseSegments(db, { vector_store_id: store, owner: 'worker_1' }, false)
  expect(await claimSegments(db, 'worker_1')).toBeUndefined()
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

test.each([
  ['in memory', roomy.budgetBytes],
  ['beyond the memory budget', 0],
])(
  'a search of segments %s finds what an index of all rows finds, with the same scores',
  async (_, budgetBytes) => {
    const expected = await open().search()
    expect(expected[1]?.map(({ chunk_id }) => chunk_id)).toEqual(['2.2'])
    expect(expected[2]).toHaveLength(chunks)
    await work()
    expect(await segments()).toEqual({ words: 3, vectors: 3 })
    const later = open({ budgetBytes })
    expect(await later.search()).toEqual(expected)
    expect(later.read.rows).toBe(0)
  },
)

test('a search before the segments are made reads a limited number of rows, and says how many chunks are missing', async () => {
  const early = open({ mostRows: size })
  expect(await early.missing()).toBe(chunks - size)
  // Every search of words and the one of vectors keep what they have read.
  expect(early.read.rows).toBe(2 * size)
  const [, , common] = await early.search()
  expect(common).toHaveLength(size)
  expect(await claimSegments(db, 'worker_1')).toMatchObject({ id: store })
  await makeAll('worker_1')
  expect(await early.missing()).toBe(0)
  expect(await early.search()).toEqual(await open().search())
  expect(early.read.rows).toBe(2 * size)
})

test('after a restart only the chunks that are in no segment are read from their rows', async () => {
  await work()
  await addFiles(files + 1, 3)
  const restarted = open()
  expect(await restarted.search()).toEqual(await open().search())
  expect(restarted.read.rows).toBe(2 * 3 * chunksPerFile)
})

test('a store that grows gets more segments, and a search that comes later reads no rows', async () => {
  await work()
  await addFiles(files + 1, 20)
  await work()
  expect(await segments()).toEqual({ words: 4, vectors: 4 })
  const later = open()
  expect(await later.search()).toEqual(await open().search())
  expect(later.read.rows).toBe(0)
})

test('a process that searches a growing store keeps what it has of it', async () => {
  await work()
  const grown = open()
  await grown.search()
  for (let file = files + 1; file <= files + 45; file += 5) {
    await addFiles(file, 5)
    await db.query({ text: 'update vector_stores set version = version + 1' })
    expect(await grown.search()).toEqual(await open().search())
    await work()
  }
  expect(await segments()).toEqual({ words: 5, vectors: 5 })
  // Small lots of chunks are read again together with new ones, so each row was read a few times.
  expect(grown.read.rows).toBeLessThan(4 * 2 * 45 * chunksPerFile)
})

test('removed files are not found, and a segment with few chunks left is made again of what is left', async () => {
  await work()
  const process = open()
  await process.search()
  await removeFiles('file between 1 and 5')
  expect(await process.search()).toEqual(await open().search())
  expect(await claimSegments(db, 'worker_1')).toBeUndefined()
  await removeFiles('file between 1 and 32')
  expect(await process.search()).toEqual(await open().search())
  expect(await claimSegments(db, 'worker_1')).toMatchObject({ id: store })
  await makeAll('worker_1')
  const left = await segments()
  expect(left.words).toBeLessThan(3)
  expect(left.vectors).toBeLessThan(3)
  expect(await process.search()).toEqual(await open().search())
})

test('a process finds all when the segments were removed', async () => {
  const expected = await open().search()
  await work()
  const process = open()
  expect(await process.search()).toEqual(expected)
  await db.query({ text: 'delete from index_pages' })
  await db.query({ text: 'delete from index_segments' })
  expect(await process.search()).toEqual(expected)
})

test('two works on the segments of a store at once put no chunk into two segments', async () => {
  await requestSegments(db, store)
  await claimSegments(db, 'worker_1')
  const works = await Promise.allSettled([makeAll('worker_1'), makeAll('worker_1')])
  expect(works.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  expect(await segments()).toEqual({ words: 3, vectors: 3 })
})

test('one worker at a time makes the segments of a store, and the next one goes on when it ended', async () => {
  const expected = await open().search()
  await requestSegments(db, store)
  for (const worker of ['worker_1', 'worker_2']) await registerWorker(db, worker)
  expect(await claimSegments(db, 'worker_1')).toMatchObject({ id: store })
  await expect(makeAll('worker_1', 2)).rejects.toThrow('stopped')
  expect(await claimSegments(db, 'worker_2')).toBeUndefined()
  expect(await segments()).toEqual({ words: 2, vectors: 0 })
  await db.query({ text: `update workers set expires_at = clock_timestamp() where id = 'worker_1'` })
  expect(await claimSegments(db, 'worker_2')).toMatchObject({ id: store })
  await expect(makeAll('worker_1')).rejects.toThrow(SegmentsChanged)
  expect(await segments()).toEqual({ words: 2, vectors: 0 })
  await makeAll('worker_2')
  expect(await segments()).toEqual({ words: 3, vectors: 3 })
  expect(await open().search()).toEqual(expected)
})

test('a worker that could not release a store claims it again', async () => {
  await registerWorker(db, 'worker_1')
  await requestSegments(db, store)
  expect(await claimSegments(db, 'worker_1')).toMatchObject({ id: store })
  expect(await claimSegments(db, 'worker_1')).toMatchObject({ id: store })
})

test('a file that is read again is found by its new words only', async () => {
  const [before, after] = ['rare32', 'other']
  await work()
  const process = open()
  await process.search()
  await db.query({ text: `update vector_store_files set status = 'failed' where seq = 7` })
  const file = { file_id: 'file-7', attributes: undefined, chunking_strategy: undefined }
  expect(await restartStoreFiles(db, store, [file])).toEqual([7])
  await db.query({
    text: `update chunks set terms = $1 where store_file = 7 and position = 2`,
    values: [Buffer.from(packCounts('--', new Map([[hashTerm(after), 1]])))],
  })
  await db.query({
    text: `update vector_store_files set status = 'completed', chunk_count = $1, embedded = $1 where seq = 7`,
    values: [chunksPerFile],
  })
  await db.query({ text: 'update vector_stores set version = version + 1' })
  for (const { words } of [process, open()]) {
    const find = async (text: string) =>
      (await words.search(wordSource(db, store), { text, language: undefined }, { limit: 5 }, never)).hits
    expect(await find(before)).toEqual([])
    expect((await find(after)).map(({ chunk_id }) => chunk_id)).toEqual(['7.2'])
  }
})

test('segments of earlier rules are not read, and are removed when there are new ones', async () => {
  const expected = await open().search()
  await work()
  await db.query({ text: 'update index_segments set rules = rules - 1' })
  expect(await open().search()).toEqual(expected)
  await work()
  expect(await open().search()).toEqual(expected)
  expect(await segments()).toEqual({ words: 3, vectors: 3 })
})

test('a deleted store leaves no segments', async () => {
  await work()
  await queueChunks(db, store)
  while ((await removeQueuedChunks(db)) > 0);
  for (const table of ['index_segments', 'index_pages'])
    expect(await db.query({ text: `select 1 from ${table}` })).toEqual([])
})

test('a store that a process of an earlier version deleted leaves no segments', async () => {
  await work()
  await removeQueuedChunks(db)
  expect(await segments()).toEqual({ words: 3, vectors: 3 })
  await db.query({ text: 'delete from vector_stores' })
  while ((await removeQueuedChunks(db)) > 0);
  for (const table of ['index_segments', 'index_pages'])
    expect(await db.query({ text: `select 1 from ${table}` })).toEqual([])
})
