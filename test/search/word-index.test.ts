import { expect, test } from 'vitest'
import type { SourcePart, Within } from '../../src/search/port.ts'
import type { WordSource } from '../../src/search/word-source.ts'
import { hashTerm, Languages, TermPacker } from '../../src/documents/index.ts'
import { WordIndex } from '../../src/search/word-index.ts'
import { memorySegments } from '../harness/segments.ts'

const never = new AbortController().signal

class Rows implements WordSource {
  readonly vector_store_id: string
  texts: Record<string, string>
  current = 1
  reads = 0
  lastRead: readonly number[] = []
  readonly segments = memorySegments()
  /** By part. */
  readonly #names = new Map<number, string>()

  constructor(vector_store_id: string, texts: Record<string, string>) {
    this.vector_store_id = vector_store_id
    this.texts = texts
  }

  async version(): Promise<number> {
    return this.current
  }

  /** Every text is a part, and a changed text a changed part. */
  async parts(): Promise<SourcePart[]> {
    return Object.entries(this.texts).map(([name, text]) => {
      this.#names.set(hashTerm(name), name)
      return { part: hashTerm(name), stamp: hashTerm(text), chunks: 1 }
    })
  }

  chunkId(part: number): string {
    return this.#names.get(part) ?? ''
  }

  async *terms(parts: readonly number[]) {
    this.reads += 1
    this.lastRead = parts
    const packer = new TermPacker()
    const rows = []
    const wanted = new Set(parts)
    for (const [name, text] of Object.entries(this.texts)) {
      const part = hashTerm(name)
      if (wanted.has(part)) rows.push({ part, position: 0, terms: await packer.pack(text) })
    }
    for (let at = 0; at < rows.length; at += 2) yield rows.slice(at, at + 2)
  }
}

const texts = {
  tides: 'The moon raises tides in the sea, twice a day.',
  bread: 'Bread dough rises when yeast makes gas.',
  moon: 'The moon, the moon, the moon: nothing but moon.',
  error: 'Error ERR_CONN_42 means that the peer closed the connection.',
  connection: 'A connection was closed after an error of the peer, 42 times.',
}

const languages = new Languages()

interface Options {
  limit: number
  within?: Within
}

/** These chunks only. */
function only(name: string): Within {
  return new Map([[hashTerm(name), undefined]])
}

async function hitsOf(index: WordIndex, source: WordSource, text: string, options: Options) {
  const language = await languages.detect(text)
  const { hits } = await index.search(source, { text, language }, options, never)
  return hits
}

function open() {
  const index = new WordIndex({ budgetBytes: 1 << 24 })
  const source = new Rows('vs', { ...texts })
  const search = async (query: string, within?: Within) =>
    hitsOf(index, source, query, within ? { limit: 10, within } : { limit: 10 })
  const found = async (query: string) => (await search(query)).map(({ chunk_id }) => chunk_id)
  return { index, source, search, found }
}

test('a chunk with any word of the query is found, and chunks with more or rarer words come first', async () => {
  const { found } = open()
  expect(await found('gas of yeast on the moon')).toEqual(['bread', 'moon', 'tides'])
  expect(await found('does a tide rise?')).toEqual(expect.arrayContaining(['tides', 'bread']))
})

test('a chunk with the whole id of the query comes before chunks with parts of it', async () => {
  const { found } = open()
  expect((await found('ERR_CONN_42'))[0]).toBe('error')
})

test('scores are between 0 and 1, and a match of one word of many has a low score', async () => {
  const { search } = open()
  const [best] = await search('moon')
  expect(best?.score).toBeGreaterThan(0.6)
  expect(best?.score).toBeLessThan(1)
  const [weak] = await search('moon landing of the first american astronauts')
  expect(weak?.score).toBeLessThan((best?.score ?? 0) / 2)
})

test('a word that the query repeats counts as often', async () => {
  const { search } = open()
  const [, once] = await search('moon yeast')
  const [first] = await search('moon yeast moon')
  const [other] = await search('moon yeast yeast')
  expect(first?.chunk_id).not.toBe(other?.chunk_id)
  expect(once?.score).toBeLessThan(first?.score ?? 0)
})

test('words that are in no chunk find nothing', async () => {
  const { found } = open()
  expect(await found('zebra')).toEqual([])
})

test('only accepted chunks are found, with the same scores as without a filter', async () => {
  const { search } = open()
  const all = await search('moon')
  expect(await search('moon', only('tides'))).toEqual(all.filter(({ chunk_id }) => chunk_id === 'tides'))
})

test('a deleted chunk is no longer found, and a new one is found', async () => {
  const { source, found } = open()
  expect(await found('yeast')).toEqual(['bread'])
  expect(await found('yeast')).toEqual(['bread'])
  expect(source.reads).toBe(1)
  source.texts = { beer: 'Yeast also makes beer.' }
  source.current += 1
  expect(await found('yeast')).toEqual(['beer'])
})

test('the least recently searched store is dropped when the memory budget is exceeded', async () => {
  const index = new WordIndex({ budgetBytes: 50_000 })
  const large = (word: string) =>
    Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`${word}${at}`, `${word} ${at} of ${at * 7}`]))
  const [one, two] = [new Rows('vs_1', large('alpha')), new Rows('vs_2', large('beta'))]
  for (const source of [one, two, one]) await hitsOf(index, source, 'alpha beta', { limit: 1 })
  expect(one.reads).toBe(2)
  expect(index.bytes).toBeLessThanOrEqual(50_000)
})

test('a store beyond the memory budget is searched right, and its rows are read once a search', async () => {
  const german = 'Die Häuser am Hafen wurden im letzten Jahr von der Stadt verkauft.'
  const source = new Rows('vs', {
    ...texts,
    harbour: german,
    ...Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`c${at}`, `Line ${at} of moon ${at % 7}`])),
  })
  const [small, large] = [new WordIndex({ budgetBytes: 1000 }), new WordIndex({ budgetBytes: 1 << 24 })]
  const queries = [
    'gas of yeast on the moon',
    'ERR_CONN_42',
    'moon moon line',
    'welches Haus am Hafen',
    'zebra',
    'the',
  ]
  for (const query of queries) {
    const [found, expected] = [small, large].map((index) => hitsOf(index, source, query, { limit: 50 }))
    const rounded = (hits: { chunk_id: string; score: number }[] | undefined) =>
      hits?.map(({ chunk_id, score }) => [chunk_id, score.toFixed(5)])
    expect(rounded(await found), query).toEqual(rounded(await expected))
    expect(small.bytes).toBe(0)
  }
  const before = source.reads
  expect(await hitsOf(small, source, 'moon', { limit: 5, within: only('tides') })).toHaveLength(1)
  expect(source.reads).toBe(before + 1)
  // A store that has become small enough is held.
  source.texts = { ...texts }
  source.current += 1
  const roomy = new WordIndex({ budgetBytes: 40_000 })
  await hitsOf(roomy, source, 'moon', { limit: 5 })
  expect(roomy.bytes).toBeGreaterThan(0)
})

test('every word of a large store is found', async () => {
  const words = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`c${at}`, `x${at}y common`]))
  const index = new WordIndex({ budgetBytes: 1 << 24 })
  const source = new Rows('vs', words)
  for (const at of [0, 1, 1234, 4999]) {
    const hits = await hitsOf(index, source, `x${at}y`, { limit: 3 })
    expect(hits.map(({ chunk_id }) => chunk_id)).toEqual([`c${at}`])
  }
  expect(await hitsOf(index, source, 'common', { limit: 7 })).toHaveLength(7)
})

test('only the new parts of a changed store are read, and scores equal those of a new index', async () => {
  const random = (seed: number) => Math.floor((Math.imul(seed, 2654435761) >>> 0) / 2 ** 20)
  const text = (at: number) =>
    Array.from({ length: 12 }, (_, word) => `w${random(at * 31 + word) % 300}`).join(' ')
  const index = new WordIndex({ budgetBytes: 1 << 26 })
  const source = new Rows(
    'vs',
    Object.fromEntries(Array.from({ length: 9000 }, (_, at) => [`c${at}`, text(at)])),
  )
  const query = 'w1 w77 w150 w299'
  const ask = (one: WordIndex) => hitsOf(one, source, query, { limit: 9000 })
  await ask(index)
  for (let round = 1; round <= 3; round += 1) {
    const names = Object.keys(source.texts)
    source.texts = Object.fromEntries(Object.entries(source.texts).filter((_, at) => at % 7 !== round))
    source.texts[`fresh${round}`] = 'w1 w77 and more'
    source.texts[names[2000] ?? ''] = 'w299 in other words'
    source.current += 1
    const hits = await ask(index)
    expect(source.lastRead.length).toBeLessThan(10)
    const anew = await ask(new WordIndex({ budgetBytes: 1 << 26 }))
    expect(hits.map(({ chunk_id }) => chunk_id)).toEqual(anew.map(({ chunk_id }) => chunk_id))
    for (const [at, hit] of hits.entries()) expect(hit.score).toBeCloseTo(anew[at]?.score ?? 0, 5)
  }
})

test('words that no chunk has lower a score once, not twice', async () => {
  const { search } = open()
  const rarity = (holders: number) => Math.log(1 + (5 - holders + 0.5) / (holders + 0.5))
  const known = 2 * rarity(1)
  const [plain] = await search('yeast gas')
  const [withUnknown] = await search('yeast gas zyzzyva quokka')
  expect([plain?.chunk_id, withUnknown?.chunk_id]).toEqual(['bread', 'bread'])
  // BM25 is a share of what the whole query could reach.
  const share = known / (known + 2 * rarity(0))
  expect(withUnknown?.score).toBeCloseTo((plain?.score ?? 0) * share, 5)
})

test('how much a query asks for is counted in words that one chunk holds, with and without the index in memory', async () => {
  const { source } = open()
  for (const budgetBytes of [100, 1 << 24]) {
    const index = new WordIndex({ budgetBytes })
    const askedFor = async (text: string) =>
      (await index.search(source, { text, language: 'en' }, { limit: 1 }, never)).rareWords
    expect(await askedFor('yeast')).toBeCloseTo(1, 6)
    expect(await askedFor('yeast dough')).toBeCloseTo(2, 6)
    expect(await askedFor('moon')).toBeLessThan(1)
    expect(await askedFor('zebra moon')).toBeGreaterThan(1)
  }
})
