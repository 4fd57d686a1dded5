/** What every vector index must keep; a driver's test opens it and calls this. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashTerm } from '../../src/documents/index.ts'
import type { VectorIndex, VectorSource } from '../../src/search/port.ts'

/** A window of a chunk that is a part by itself. */
export interface NamedWindow {
  name: string
  vector: Float32Array
}

/** The part of a chunk with this name. */
export function partOf(name: string): number {
  return hashTerm(name)
}

/** A driver that keeps vectors in its own database gets the rows through `write`. */
export interface OpenIndex {
  index: VectorIndex
  /** Makes the windows the whole content of the store and raises its version. */
  write(vector_store_id: string, windows: NamedWindow[]): Promise<VectorSource>
  close(): Promise<void>
}

const never = new AbortController().signal

/** An index may round: a score differs from the cosine by no more. */
const rounding = 0.005

/** Numbers that look random and are the same on every machine. */
export function randomVectors(count: number, dimensions: number, seed = 1): Float32Array[] {
  let state = seed
  return Array.from({ length: count }, () => {
    const vector = Float32Array.from({ length: dimensions }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 31 - 1
    })
    const length = Math.hypot(...vector)
    return vector.map((value) => value / length)
  })
}

function dot(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, value, at) => sum + value * (other[at] ?? 0), 0)
}

function vector(...numbers: number[]): Float32Array {
  const length = Math.hypot(...numbers)
  return Float32Array.from(numbers, (value) => value / length)
}

export function windowOf(name: string, numbers: Float32Array): NamedWindow {
  return { name, vector: numbers }
}

const plain: NamedWindow[] = [
  windowOf('east', vector(1, 0, 0)),
  windowOf('north', vector(0, 1, 0)),
  windowOf('up', vector(0, 0, 1)),
]

export function vectorIndexContract(name: string, open: () => Promise<OpenIndex>): void {
  describe(`the vector index ${name}`, () => {
    let opened: OpenIndex
    beforeAll(async () => {
      opened = await open()
    })
    afterAll(() => opened.close())

    async function search(
      source: VectorSource,
      query: Float32Array,
      limit: number,
      accepted?: readonly string[],
    ) {
      const within = accepted && new Map(accepted.map((name) => [partOf(name), undefined]))
      const { hits, missing } = await opened.index.search(source, query, { limit, within }, never)
      expect(missing).toBe(0)
      return hits
    }

    test('the nearest chunks come first, with their cosine', async () => {
      const source = await opened.write('vs_plain', plain)
      const hits = await search(source, vector(3, 2, 1), 2)
      expect(hits.map(({ chunk_id }) => chunk_id)).toEqual(['east', 'north'])
      expect(hits[0]?.score).toBeCloseTo(3 / Math.sqrt(14), 2)
      expect(hits[1]?.score).toBeCloseTo(2 / Math.sqrt(14), 2)
    })

    test('a chunk scores as its best window and comes once', async () => {
      const source = await opened.write('vs_windows', [
        windowOf('a', vector(0, 1, 0)),
        windowOf('a', vector(1, 0, 0)),
        windowOf('b', vector(1, 1, 0)),
      ])
      const hits = await search(source, vector(1, 0, 0), 5)
      expect(hits.map(({ chunk_id }) => chunk_id)).toEqual(['a', 'b'])
      expect(hits[0]?.score).toBeCloseTo(1, 2)
    })

    test('a window that two chunks share leads to both chunks', async () => {
      const shared = vector(1, 0, 0)
      const source = await opened.write('vs_shared', [
        windowOf('a', shared),
        windowOf('b', shared),
        windowOf('c', vector(0, 1, 0)),
      ])
      const hits = await search(source, vector(1, 0, 0), 2)
      expect(hits.map(({ chunk_id }) => chunk_id).toSorted()).toEqual(['a', 'b'])
    })

    test('only accepted chunks are found', async () => {
      const source = await opened.write('vs_filter', plain)
      const hits = await search(source, vector(3, 2, 1), 5, ['north', 'up'])
      expect(hits.map(({ chunk_id }) => chunk_id)).toEqual(['north', 'up'])
      expect(await search(source, vector(3, 2, 1), 5, [])).toEqual([])
    })

    test('a search of a store without chunks finds nothing', async () => {
      expect(await search(await opened.write('vs_empty', []), vector(1, 0, 0), 5)).toEqual([])
    })

    test('a deleted chunk is no longer found, and a new one is found', async () => {
      const before = await opened.write('vs_change', plain)
      expect((await search(before, vector(1, 0, 0), 1))[0]?.chunk_id).toBe('east')
      const after = await opened.write('vs_change', [...plain.slice(1), windowOf('new', vector(1, 0, 1))])
      const hits = await search(after, vector(1, 0, 0), 5)
      expect(hits[0]?.chunk_id).toBe('new')
      expect(hits.map(({ chunk_id }) => chunk_id)).not.toContain('east')
    })

    test('the search of one store finds no chunk of another', async () => {
      const one = await opened.write('vs_one', [windowOf('one', vector(1, 0, 0))])
      const two = await opened.write('vs_two', [windowOf('two', vector(1, 0, 0))])
      expect((await search(one, vector(1, 0, 0), 9)).map(({ chunk_id }) => chunk_id)).toEqual(['one'])
      opened.index.forget('vs_one')
      expect((await search(two, vector(1, 0, 0), 9)).map(({ chunk_id }) => chunk_id)).toEqual(['two'])
      expect((await search(one, vector(1, 0, 0), 9)).map(({ chunk_id }) => chunk_id)).toEqual(['one'])
    })

    test('every neighbour that is nearer by more than rounding is found among thousands, with any number of dimensions', async () => {
      for (const dimensions of [7, 100, 512]) {
        const vectors = randomVectors(3000, dimensions)
        const windows = vectors.map((one, at) => windowOf(`chunk_${String(at).padStart(4, '0')}`, one))
        const source = await opened.write(`vs_${dimensions}`, windows)
        const [query] = randomVectors(1, dimensions, 99)
        if (!query) throw new Error('expected a query')
        const cosines = new Map(windows.map((window) => [window.name, dot(window.vector, query)]))
        const hits = await search(source, query, 50)
        expect(hits).toHaveLength(50)
        for (const { chunk_id, score } of hits) {
          expect(Math.abs(score - (cosines.get(chunk_id) ?? 0))).toBeLessThan(rounding)
          cosines.delete(chunk_id)
        }
        expect(Math.max(...cosines.values())).toBeLessThan((hits.at(-1)?.score ?? 0) + rounding)
      }
    })

    test('an aborted search throws the reason', async () => {
      const source = await opened.write('vs_abort', plain)
      const gone = AbortSignal.abort(new Error('called off'))
      await expect(opened.index.search(source, vector(1, 0, 0), { limit: 1 }, gone)).rejects.toThrow(
        'called off',
      )
    })
  })
}
