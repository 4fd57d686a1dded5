import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { chunkSections, defaultChunkSizes, type Chunk, type ChunkSizes } from './chunk.ts'
import type { Section } from './sections.ts'
import { loadTokenCounter } from '../util/count-tokens.ts'

let countTokens: (text: string) => number = () => 0
beforeAll(async () => {
  countTokens = await loadTokenCounter()
})

async function chunksOf(sections: Section[], sizes: ChunkSizes = defaultChunkSizes, maxTokens = 5_000_000) {
  const chunks: Chunk[] = []
  for await (const chunk of chunkSections(sections, { sizes, countTokens, maxTokens })) chunks.push(chunk)
  return chunks
}

const sentence = 'The heron waits in the shallow water until a fish comes near. '
const long = sentence.repeat(300)

test('a short text is one chunk', async () => {
  expect(await chunksOf([{ text: '  One line.\n' }])).toEqual([
    { text: 'One line.', tokens: 4, start: 2, end: 11 },
  ])
})

test('a text of white space has no chunks', async () => {
  expect(await chunksOf([{ text: ' \n\n  ' }])).toEqual([])
})

test('a long text is cut at sentences into full chunks that overlap by half', async () => {
  const chunks = await chunksOf([{ text: long }])
  expect(chunks.length).toBeGreaterThan(5)
  chunks.forEach((chunk, index) => {
    expect(chunk.tokens).toBeLessThanOrEqual(800)
    expect(chunk.text.endsWith('near.')).toBe(true)
    expect(chunk.text.startsWith('The heron')).toBe(true)
    const next = chunks[index + 1]
    if (!next) return
    expect(chunk.tokens).toBeGreaterThan(760)
    const shared = countTokens(long.slice(next.start, chunk.end))
    expect(shared).toBeGreaterThan(360)
    expect(shared).toBeLessThanOrEqual(400)
  })
})

test('without overlap no word is in two chunks', async () => {
  const chunks = await chunksOf([{ text: long }], { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 })
  expect(chunks.map(({ text }) => text).join(' ')).toBe(long.trim())
})

test('a chunk has the page and heading of its start and the page of its end', async () => {
  const pages = [1, 2, 3].map((page) => ({ text: sentence.repeat(3), page, heading: `Part ${page}` }))
  const [first] = await chunksOf(pages)
  expect(first).toMatchObject({ page: 1, last_page: 3, heading: 'Part 1' })
  const chunks = await chunksOf(pages, { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 })
  expect(chunks.map(({ page, last_page }) => [page, last_page])).toEqual([
    [1, 2],
    [3, undefined],
  ])
})

test('the names of special tokens are ordinary text', async () => {
  const [chunk] = await chunksOf([{ text: 'a <|endoftext|> b <|im_start|>' }])
  expect(chunk?.text).toBe('a <|endoftext|> b <|im_start|>')
})

test('a text of more tokens than allowed is refused', async () => {
  await expect(chunksOf([{ text: long }], defaultChunkSizes, 1000)).rejects.toMatchObject({
    code: 'invalid_file',
    message: 'The file could not be parsed because it is too large.',
  })
})

describe('texts without words', () => {
  const texts = {
    'one letter': 'a'.repeat(200_000),
    blanks: `x${' '.repeat(200_000)}y`,
    'line breaks': `x${'\n'.repeat(200_000)}y`,
    'Chinese without a stop': '漢字'.repeat(20_000),
    emoji: '👩‍🚀'.repeat(5_000),
    base64: Buffer.from('\u0001\u0002Spool'.repeat(9_000)).toString('base64'),
  }
  test.each(Object.keys(texts) as (keyof typeof texts)[])('%s: cut all the same', async (name) => {
    const sizes = { max_chunk_size_tokens: 100, chunk_overlap_tokens: 50 }
    for (const chunk of await chunksOf([{ text: texts[name] }], sizes)) {
      expect(chunk.tokens).toBeLessThanOrEqual(100)
      expect(chunk.text).not.toMatch(/\p{Surrogate}/u)
      expect(texts[name].slice(chunk.start, chunk.end)).toBe(chunk.text)
    }
  })
})

test('for any text and any sizes, every visible character is in a chunk at its offset', async () => {
  const words = fc.array(
    fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('Sentence one. ', '\n\n', sentence)),
    {
      maxLength: 120,
    },
  )
  const sizes = fc
    .tuple(fc.integer({ min: 100, max: 4096 }), fc.integer({ min: 0, max: 2048 }))
    .map(([most, overlap]) => ({
      max_chunk_size_tokens: most,
      chunk_overlap_tokens: Math.min(overlap, most >> 1),
    }))
  await fc.assert(
    fc.asyncProperty(fc.array(words, { maxLength: 5 }), sizes, async (parts, size) => {
      const texts = parts.map((part) => part.join(''))
      const whole = texts.join('')
      const chunks = await chunksOf(
        texts.map((text, index) => ({ text, page: index + 1 })),
        size,
      )
      let covered = 0
      for (const chunk of chunks) {
        expect(whole.slice(chunk.start, chunk.end)).toBe(chunk.text)
        expect(chunk.tokens).toBeLessThanOrEqual(size.max_chunk_size_tokens)
        expect(whole.slice(covered, Math.max(covered, chunk.start)).trim()).toBe('')
        expect(chunk.end).toBeGreaterThan(covered)
        covered = chunk.end
      }
      expect(whole.slice(covered).trim()).toBe('')
    }),
    { numRuns: 60 },
  )
})
