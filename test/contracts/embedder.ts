/** What every embedder must keep; a driver's test opens it and calls this. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Embedder } from '../../src/embedders/port.ts'

const never = new AbortController().signal

export function cosine(one: Float32Array | undefined, other: Float32Array | undefined): number {
  if (!one || !other) throw new Error('expected two vectors')
  return one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0)
}

export function embedderContract(name: string, open: () => Promise<Embedder>): void {
  describe(`the embedder ${name}`, () => {
    let embedder: Embedder
    beforeAll(async () => {
      embedder = await open()
    })
    afterAll(() => embedder.close())

    test('the id of the embedder contains the model and the number of dimensions', () => {
      expect(embedder.id).toMatch(new RegExp(`^.+/${embedder.dimensions}$`))
      expect(embedder.windowTokens).toBeGreaterThan(0)
    })

    test('each text gets one vector of unit length and of the declared dimensions, in order', async () => {
      const texts = ['a dog barks', 'parliament votes', 'a dog barks']
      const vectors = await embedder.embed(texts, 'passage', never)
      expect(vectors.map((vector) => vector.length)).toEqual(texts.map(() => embedder.dimensions))
      for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
      expect(cosine(vectors[0], vectors[2])).toBeCloseTo(1, 5)
      expect(cosine(vectors[0], vectors[1])).toBeLessThan(0.95)
    })

    test('a call without texts returns no vectors', async () => {
      expect(await embedder.embed([], 'query', never)).toEqual([])
    })

    test('an empty text, white space, emoji and a text beyond the token limit get vectors', async () => {
      const texts = ['', ' \n ', '😀', 'word '.repeat(5000), '\u0000<|endoftext|>']
      for (const vector of await embedder.embed(texts, 'passage', never)) {
        expect(vector).toHaveLength(embedder.dimensions)
        expect(Number.isFinite(vector[0])).toBe(true)
      }
    })

    test('texts about the same subject have more similar vectors than others', async () => {
      const [query] = await embedder.embed(['How do I get my money back?'], 'query', never)
      const [refund, weather] = await embedder.embed(
        ['Customers receive a refund within two weeks.', 'Heavy snow is expected in the mountains.'],
        'passage',
        never,
      )
      expect(cosine(query, refund)).toBeGreaterThan(cosine(query, weather))
    })

    test('an aborted call throws the reason, and the next call works', async () => {
      const control = new AbortController()
      const running = embedder.embed(
        Array.from({ length: 40 }, (_, index) => `sentence number ${index}`),
        'passage',
        control.signal,
      )
      control.abort(new Error('called off'))
      await expect(running).rejects.toThrow('called off')
      await expect(embedder.embed(['x'], 'query', control.signal)).rejects.toThrow('called off')
      expect(await embedder.embed(['x'], 'query', never)).toHaveLength(1)
    })
  })
}
