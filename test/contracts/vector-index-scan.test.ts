import { describe, expect, test } from 'vitest'
import { ScanIndex } from '../../src/search/scan-index.ts'
import { makeSegments, type SegmentWriter } from '../../src/search/segments.ts'
import { makeVectorSegment } from '../../src/search/vector-segments.ts'
import type { IndexedWindow, SegmentStore, SourcePart, VectorSource } from '../../src/search/port.ts'
import { memorySegments } from '../harness/segments.ts'
import { partOf, randomVectors, vectorIndexContract, windowOf, type NamedWindow } from './vector-index.ts'

const never = new AbortController().signal

type Segments = SegmentStore & SegmentWriter

/** Rows in memory, in pages of 1,000, with a count of how often they were read, and which parts. */
class Rows implements VectorSource {
  readonly vector_store_id: string
  readonly dimensions: number
  reads = 0
  lastRead: readonly number[] = []
  current = 1
  readonly #names = new Map<number, string>()
  stamps = new Map<string, number>()
  windowsNow: NamedWindow[]
  readonly segments: Segments

  constructor(vector_store_id: string, windows: NamedWindow[], segments: Segments = memorySegments()) {
    this.vector_store_id = vector_store_id
    this.dimensions = windows[0]?.vector.length ?? 3
    this.windowsNow = windows
    this.segments = segments
  }

  async version(): Promise<number> {
    return this.current
  }

  async parts(): Promise<SourcePart[]> {
    const names = new Set(this.windowsNow.map(({ name }) => name))
    for (const name of names) this.#names.set(partOf(name), name)
    return [...names].map((name) => ({ part: partOf(name), stamp: this.stamps.get(name) ?? 0, chunks: 1 }))
  }

  chunkId(part: number): string {
    return this.#names.get(part) ?? ''
  }

  async *windows(parts: readonly number[]): AsyncIterable<IndexedWindow[]> {
    this.reads += 1
    this.lastRead = parts
    const wanted = new Set(parts)
    const windows = this.windowsNow
      .map(({ name, vector }) => ({ part: partOf(name), position: 0, vector }))
      .filter(({ part }) => wanted.has(part))
    for (let at = 0; at < windows.length; at += 1000) yield windows.slice(at, at + 1000)
  }
}

function rows(id: string, count: number, dimensions: number): Rows {
  return new Rows(
    id,
    randomVectors(count, dimensions).map((vector, at) => windowOf(`${id}_${at}`, vector)),
  )
}

for (const [name, { budgetBytes, least }] of [
  ['in memory', { budgetBytes: 1 << 30, least: 1 << 20 }],
  ['without memory', { budgetBytes: 0, least: 1 << 20 }],
  ['in segments', { budgetBytes: 1 << 30, least: 2 }],
  ['in segments, without memory', { budgetBytes: 0, least: 2 }],
] as const) {
  vectorIndexContract(`that scans, ${name}`, async () => {
    let version = 0
    const segments = new Map<string, Segments>()
    return {
      index: new ScanIndex({ budgetBytes }),
      write: async (id, windows) => {
        segments.set(id, segments.get(id) ?? memorySegments())
        const source = new Rows(id, windows, segments.get(id))
        source.current = ++version
        for (const { name } of windows) source.stamps.set(name, version)
        // Thousands of chunks in segments of two would take long.
        const size = Math.max(least, windows.length / 30)
        await makeSegments(source, source.segments, {
          size,
          make: makeVectorSegment,
          confirm: async () => {},
        })
        return source
      },
      close: async () => {},
    }
  })
}

describe('the index that scans', () => {
  const [query = new Float32Array()] = randomVectors(1, 64, 5)

  test('rows are read once until the version increases', async () => {
    const index = new ScanIndex({ budgetBytes: 1 << 30 })
    const source = rows('vs_a', 2500, 64)
    await Promise.all([1, 2, 3].map(() => index.search(source, query, { limit: 1 }, never)))
    await index.search(source, query, { limit: 1 }, never)
    expect(source.reads).toBe(1)
    source.current += 1
    for (const { name } of source.windowsNow) source.stamps.set(name, 1)
    await index.search(source, query, { limit: 1 }, never)
    expect(source.reads).toBe(2)
  })

  test('only the new parts of a changed store are read, and removed parts are no longer found', async () => {
    const index = new ScanIndex({ budgetBytes: 1 << 30 })
    const source = rows('vs_a', 3000, 64)
    const all = async () =>
      (await index.search(source, query, { limit: 5000 }, never)).hits.map((hit) => hit.chunk_id)
    const before = await all()
    expect(before).toHaveLength(3000)
    const [added = new Float32Array()] = randomVectors(1, 64, 77)
    const [best = ''] = before
    source.windowsNow = [
      ...source.windowsNow.filter((window) => window.name !== best),
      windowOf('fresh', added),
    ]
    source.current += 1
    const after = await all()
    expect(source.lastRead).toEqual([partOf('fresh')])
    const anew = await new ScanIndex({ budgetBytes: 1 << 30 }).search(source, query, { limit: 5000 }, never)
    expect(after).toEqual(anew.hits.map((hit) => hit.chunk_id))
    expect(after).not.toContain(best)

    // A part that comes again under another stamp is read again.
    source.stamps.set('fresh', 1)
    source.windowsNow = [...source.windowsNow.slice(0, -1), windowOf('fresh', query)]
    source.current += 1
    const [first] = (await index.search(source, query, { limit: 1 }, never)).hits
    expect(first).toEqual({ chunk_id: 'fresh', score: expect.closeTo(1, 2) })
    expect(source.lastRead).toEqual([partOf('fresh')])

    // When most parts are removed the rest is read again, and the memory is freed.
    const full = index.bytes
    source.windowsNow = source.windowsNow.slice(0, 100)
    source.current += 1
    expect(await all()).toHaveLength(100)
    expect(source.lastRead).toHaveLength(100)
    expect(index.bytes).toBeLessThan(full / 10)
  })

  test('the least recently searched store is dropped when the memory budget is exceeded', async () => {
    const index = new ScanIndex({ budgetBytes: 330_000 })
    const [a, b, c] = ['vs_a', 'vs_b', 'vs_c'].map((id) => rows(id, 1000, 64))
    if (!a || !b || !c) throw new Error('expected three stores')
    for (const source of [a, b, a, c]) await index.search(source, query, { limit: 1 }, never)
    expect(index.bytes).toBeLessThanOrEqual(330_000)
    for (const source of [a, c]) await index.search(source, query, { limit: 1 }, never)
    expect([a.reads, c.reads]).toEqual([1, 1])
    await index.search(b, query, { limit: 1 }, never)
    expect(b.reads).toBe(2)
  })

  test('a vector that chunks share is stored once in memory', async () => {
    const [shared = new Float32Array()] = randomVectors(1, 512)
    const twice = new ScanIndex({ budgetBytes: 1 << 30 })
    const windows = Array.from({ length: 100 }, (_, at) => windowOf(`c${at}`, shared))
    await twice.search(new Rows('vs', windows), shared, { limit: 1 }, never)
    expect(twice.bytes).toBeLessThan(512 * 4 + 100 * 100)
  })

  test('a search of a large store does not block the event loop', async () => {
    const index = new ScanIndex({ budgetBytes: 1 << 30, mostRows: 100_000 })
    const source = rows('vs_large', 100_000, 256)
    const [large = new Float32Array()] = randomVectors(1, 256, 5)
    await index.search(source, large, { limit: 1 }, never)
    let turns = 0
    let isDone = false
    const count = () => {
      turns += 1
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    await index.search(source, large, { limit: 1 }, never)
    isDone = true
    expect(turns).toBeGreaterThanOrEqual(5)
  })

  test('a large search can be aborted', async () => {
    const index = new ScanIndex({ budgetBytes: 1 << 30, mostRows: 100_000 })
    const source = rows('vs_large', 60_000, 256)
    const [large = new Float32Array()] = randomVectors(1, 256, 5)
    await index.search(source, large, { limit: 1 }, never)
    const control = new AbortController()
    setImmediate(() => control.abort(new Error('called off')))
    await expect(index.search(source, large, { limit: 1 }, control.signal)).rejects.toThrow('called off')
  })

  test('a query with another number of dimensions is refused', async () => {
    const index = new ScanIndex({ budgetBytes: 1 << 30, mostRows: 100_000 })
    await expect(index.search(rows('vs', 5, 64), new Float32Array(3), { limit: 1 }, never)).rejects.toThrow(
      'the query has 3 dimensions, the store 64',
    )
  })
})
