/**
 * `npm run bench:retrieval -- large CHUNKS MEGABYTES...`: searches of a store with so many chunks in an embedded database, with
 * each of the budgets for `search_memory_mb` as after a start. The worker makes the segments first, as for a store of an
 * earlier version. Each chunk has about 150 different terms and one vector of 128 numbers, drawn at random from some
 * thousand.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openApp } from '../../src/app/app.ts'
import { readConfig } from '../../src/config/config.ts'
import type { Database } from '../../src/database/database.ts'
import { hashTerm, packCounts } from '../../src/documents/index.ts'
import { openRetrieval } from '../../src/search/open.ts'
import type { Retrieval } from '../../src/search/retrieval.ts'
import { searchStores } from '../../src/search/search.ts'
import { toBytes } from '../../src/search/store-sources.ts'
import { requestSegments } from '../../src/sql/index-segments.ts'
import { systemClock } from '../../src/util/clock.ts'
import { seededRandom } from './distractors.ts'

const store = 'vs_large'
const project = 'default'
const chunksPerFile = 100
const filesPerStatement = 20
const termsPerChunk = 160
const searches = 10
const mebibyte = 1 << 20

const random = seededRandom(7)
const hashes = Array.from({ length: 60_000 }, (_, at) => hashTerm(`w${at}`))
// Cubed, so that some words are in most chunks and most words in few, as in language.
const word = () => Math.floor(hashes.length * random() ** 3)

/** Prints a table. */
export async function measureLargeStore(chunks: number, budgets: number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'spool-bench-'))
  const environment = { SPOOL_DATA_DIR: folder, PORT: '0', SPOOL_SANDBOX: 'off', SPOOL_DISCOVERY: '0' }
  const app = await openApp(readConfig({}, environment), { log: () => {}, clock: systemClock })
  try {
    await fill(app.retrieval, Math.ceil(chunks / chunksPerFile))
    await makeSegments(app.retrieval)
    console.log(
      '| chunks | search_memory_mb | held, MB: vectors, words | process grew by, MB | first search, s (processor) | next: median, s (processor) | slowest, s | longest hold of the event loop, ms: first, next |',
    )
    console.log('|---|---|---|---|---|---|---|---|')
    // Loads what a process loads once: languages, and the table of the embedder.
    await search(app.retrieval)
    for (const budget of budgets) await measure(app.retrieval, chunks, budget)
  } finally {
    await app.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Requests segments, and waits until the worker has made them. */
async function makeSegments({ db }: Retrieval): Promise<void> {
  const holds = watchHolds()
  const used = process.cpuUsage()
  await requestSegments(db, store)
  const open = 'select 1 from vector_stores where needs_segments or segments_owner is not null'
  while ((await db.query({ text: open })).length > 0) await wait(100)
  const { user, system } = process.cpuUsage(used)
  holds.stop()
  const [seconds, longest] = [((user + system) / 1e6).toFixed(1), holds.longestMs().toFixed(0)]
  console.log(
    `Segments were made in ${seconds} s of a core; the longest hold of the event loop took ${longest} ms.\n`,
  )
}

async function measure(opened: Retrieval, chunks: number, budget: number): Promise<void> {
  const { db, blobs, clock, log, embedder } = opened
  const before = process.memoryUsage().rss
  const retrieval = openRetrieval({ db, blobs, clock, log, embedder, memoryBytes: budget * mebibyte })
  const times: { wall: number; processor: number; hold: number }[] = []
  const holds = watchHolds()
  for (let at = 0; at <= searches; at += 1) {
    const [start, used] = [performance.now(), process.cpuUsage()]
    await search(retrieval)
    const { user, system } = process.cpuUsage(used)
    const wall = (performance.now() - start) / 1000
    times.push({ wall, processor: (user + system) / 1e6, hold: holds.longestMs() })
  }
  holds.stop()
  const grown = (process.memoryUsage().rss - before) / mebibyte
  const held = [retrieval.vectors, retrieval.words].map((index) => (index.bytes / mebibyte).toFixed(0))
  const [first, ...next] = times
  next.sort((one, other) => one.wall - other.wall)
  const [median, slowest] = [next[searches / 2], next.at(-1)]
  const shown = [first, median].map((one) => `${one?.wall.toFixed(2)} (${one?.processor.toFixed(2)})`)
  console.log(
    `| ${chunks} | ${budget} | ${held.join(', ')} | ${grown.toFixed(0)} | ${shown.join(' | ')} | ${slowest?.wall.toFixed(2)} | ${first?.hold.toFixed(0)}, ${Math.max(...next.map(({ hold }) => hold)).toFixed(0)} |`,
  )
  await retrieval.close()
}

async function search(retrieval: Retrieval): Promise<void> {
  const query = Array.from({ length: 6 }, () => `w${word()}`).join(' ')
  await searchStores(
    retrieval,
    {
      project,
      vector_store_ids: [store],
      queries: [query],
      max_num_results: 10,
      score_threshold: 0,
      ranker: 'auto',
    },
    new AbortController().signal,
  )
}

async function fill({ db, embedder }: Retrieval, files: number): Promise<void> {
  await db.query({
    text: `insert into vector_stores (id, project, created_at, last_active_at, metadata, embedder, version)
           values ($1, $2, 1, 1, '{}', $3, 1)`,
    values: [store, project, embedder.id],
  })
  await db.query({
    text: `insert into files (id, project, created_at, purpose, filename, bytes)
           select 'file-' || n, $1, 1, 'assistants', n || '.txt', 1 from generate_series(1, $2::int) n`,
    values: [project, files],
  })
  await db.query({
    text: `insert into vector_store_files (project, vector_store_id, file_id, created_at, status, chunking_strategy,
                                           attributes, chunk_count, embedded)
           select $1, $2, 'file-' || n, 1, 'completed', '{"type":"other"}', '{}', $4, $4
           from generate_series(1, $3::int) n order by n`,
    values: [project, store, files, chunksPerFile],
  })
  const contents = {
    terms: Array.from({ length: 2000 }, randomTerms),
    vectors: randomVectors(5000, embedder.dimensions),
  }
  for (let first = 1; first <= files; first += filesPerStatement) {
    await fillFiles(db, first, { files: Math.min(filesPerStatement, files - first + 1), ...contents })
  }
  for (const table of ['vector_store_files', 'chunks', 'chunk_windows'])
    await db.query({ text: `analyze ${table}` })
}

function randomTerms(): Buffer {
  const counts = new Map(Array.from({ length: termsPerChunk }, () => [hashes[word()] ?? 0, 1]))
  return Buffer.from(packCounts('--', counts))
}

function randomVectors(count: number, dimensions: number): Buffer[] {
  return Array.from({ length: count }, () => {
    const vector = Float32Array.from({ length: dimensions }, () => random() - 0.5)
    const length = Math.hypot(...vector)
    return toBytes(vector.map((value) => value / length))
  })
}

async function fillFiles(
  db: Database,
  first: number,
  { files, terms, vectors }: { files: number; terms: Buffer[]; vectors: Buffer[] },
): Promise<void> {
  const count = files * chunksPerFile
  const owners = Array.from({ length: count }, (_, at) => first + Math.floor(at / chunksPerFile))
  const positions = Array.from({ length: count }, (_, at) => at % chunksPerFile)
  const drawn = <Value>(values: Value[]) => owners.map(() => values[Math.floor(random() * values.length)])
  await db.query({
    text: `insert into chunks (vector_store_id, store_file, position, text, start_at, end_at, terms)
           select $1, f, p, 'text', 0, 4, t from unnest($2::bigint[], $3::int[], $4::bytea[]) as c (f, p, t)`,
    values: [store, owners, positions, drawn(terms)],
  })
  await db.query({
    text: `insert into chunk_windows (vector_store_id, store_file, number, positions, vector)
           select $1, f, p, array[p], v from unnest($2::bigint[], $3::int[], $4::bytea[]) as c (f, p, v)`,
    values: [store, owners, positions, drawn(vectors)],
  })
}

interface Holds {
  /** The longest turn since the previous call, in milliseconds of processor time of all threads. */
  longestMs(): number
  stop(): void
}

/**
 * Measures how long each turn of the event loop takes until `stop`: in processor time, so that other work of the machine does
 * not count.
 */
function watchHolds(): Holds {
  let longest = 0
  let isStopped = false
  let before = process.cpuUsage()
  const look = () => {
    const now = process.cpuUsage()
    longest = Math.max(longest, now.user + now.system - before.user - before.system)
    before = now
    if (!isStopped) setImmediate(look)
  }
  setImmediate(look)
  return {
    longestMs() {
      const found = longest / 1000
      longest = 0
      return found
    },
    stop() {
      isStopped = true
    },
  }
}
