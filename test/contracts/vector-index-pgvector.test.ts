import { afterAll, beforeAll, expect, test } from 'vitest'
import { PgvectorIndex } from '../../src/search/pgvector-index.ts'
import type { IndexedWindow, VectorSource } from '../../src/search/port.ts'
import type { Database } from '../../src/database/database.ts'
import { testDatabase } from '../harness/database.ts'
import { pgliteDatabase } from '../harness/pglite.ts'
import { vectorIndexContract, windowOf } from './vector-index.ts'

const never = new AbortController().signal
const silent = () => undefined

function sourceOf(
  id: string,
  windows: IndexedWindow[],
  version: number,
): VectorSource & { read: string[][] } {
  const read: string[][] = []
  return {
    read,
    vector_store_id: id,
    dimensions: windows[0]?.vector.length ?? 3,
    version: async () => version,
    // A window's part is as new as its vector: what was not changed keeps its stamp.
    parts: async () =>
      windows.map(({ part, vector }) => ({ part, stamp: Math.round((vector[0] ?? 0) * 1000) })),
    async *windows(parts) {
      read.push([...parts])
      const wanted = windows.filter(({ part }) => parts.includes(part))
      for (let at = 0; at < wanted.length; at += 1000) yield wanted.slice(at, at + 1000)
    },
  }
}

vectorIndexContract('pgvector', async () => {
  const db = await pgliteDatabase()
  let version = 0
  return {
    index: await PgvectorIndex.open(db, silent),
    write: async (id, windows) => {
      version += 1
      const stamp = version
      const unique = [...new Set(windows.map(({ part }) => part))]
      return {
        ...sourceOf(id, windows, version),
        parts: async () => unique.map((part) => ({ part, stamp })),
      }
    },
    close: () => db.close(),
  }
})

let db: Database
beforeAll(async () => {
  db = await pgliteDatabase()
})
afterAll(() => db.close())

test('of a store that changed only the new parts are copied, and what went is gone', async () => {
  const index = await PgvectorIndex.open(db, silent)
  const [east, north] = [Float32Array.of(1, 0, 0), Float32Array.of(0, 1, 0)]
  const first = sourceOf('vs', [windowOf('a', east), windowOf('b', north)], 1)
  await index.search(first, east, { limit: 5 }, never)
  await index.search(first, north, { limit: 5 }, never)
  expect(first.read).toEqual([['a', 'b']])
  const second = sourceOf('vs', [windowOf('a', east), windowOf('c', north)], 2)
  const hits = await index.search(second, north, { limit: 5 }, never)
  expect(hits.map(({ chunk_id }) => chunk_id)).toEqual(['c', 'a'])
  expect(second.read).toEqual([['c']])
})

test('what is forgotten takes no room', async () => {
  const index = await PgvectorIndex.open(db, silent)
  const source = sourceOf('vs_gone', [windowOf('a', Float32Array.of(1, 0, 0))], 1)
  await index.search(source, Float32Array.of(1, 0, 0), { limit: 1 }, never)
  index.forget('vs_gone')
  const left = () => db.query({ text: `select 1 from pgvector_windows where vector_store_id = 'vs_gone'` })
  await expect.poll(left).toEqual([])
})

test('a database without the extension is refused with a sentence', async () => {
  const plain = await testDatabase()
  await expect(PgvectorIndex.open(plain.db, silent)).rejects.toThrow(
    "vector_index is 'pgvector', and this database cannot have the extension: ",
  )
  await plain.drop()
})
