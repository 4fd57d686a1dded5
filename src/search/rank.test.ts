import { expect, test } from 'vitest'
import { bestOf, fuseScores, rankCandidates, rootScores, usualWeight, type Candidate } from './rank.ts'

function candidate(file_id: string, index: number, score: number): Candidate {
  return { chunk_id: `${file_id}_${index}`, file_id, start: index * 100, end: index * 100 + 200, score }
}

function ids(candidates: Candidate[]): string[] {
  return candidates.map(({ chunk_id }) => chunk_id)
}

const all = { limit: 10, score_threshold: 0, ranker: 'auto' } as const

function order(scores: ReadonlyMap<string, number>): string[] {
  return [...scores].toSorted(([, one], [, other]) => other - one).map(([id]) => id)
}

const asked = { weight: 1, rareWords: 3 }

test('a score is between 0 and 1, and made of vectors and words', () => {
  const vectors = new Map([
    ['both', 0.8],
    ['meaning', 1.2],
    ['opposite', -0.5],
  ])
  const words = new Map([
    ['both', 0.6],
    ['words', 1],
  ])
  const fused = fuseScores(vectors, words, asked)
  expect(order(fused).toSorted()).toEqual(['both', 'meaning', 'opposite', 'words'])
  expect(fused.get('opposite')).toBe(0)
  expect(Math.max(...fused.values())).toBeLessThanOrEqual(1)
  expect(order(fused)[0]).toBe('both')
})

test.each([
  ['wide', [0.9, 0.1, 0.5]],
  ['close together', [0.8, 0.64, 0.72]],
  ['close together and low', [0.3, 0.14, 0.22]],
] as const)('cosines that are %s order the chunks alike', (_, [first, second, third]) => {
  const vectors = new Map([
    ['meant', first],
    ['unlike', second],
    ['named', third],
  ])
  expect(order(fuseScores(vectors, new Map([['named', 0.1]]), asked))).toEqual(['meant', 'named', 'unlike'])
  expect(order(fuseScores(vectors, new Map([['named', 0.9]]), asked))).toEqual(['named', 'meant', 'unlike'])
})

test('a chunk whose words are far ahead of all others is first, whatever the vectors say', () => {
  const vectors = new Map([
    ['meant', 0.9],
    ['named', 0.1],
    ['other', 0.5],
  ])
  const words = (other: number) =>
    new Map([
      ['named', 0.7],
      ['other', other],
    ])
  expect(order(fuseScores(vectors, words(0.05), asked))[0]).toBe('named')
  expect(order(fuseScores(vectors, words(0.66), asked))[0]).toBe('other')
})

test('words that found nothing do not count', () => {
  expect(fuseScores(new Map([['one', 0.5]]), new Map(), asked)).toEqual(new Map([['one', 0.5]]))
})

test('the more rare words a query has, the smaller a share of them must be in a chunk', () => {
  const vectors = new Map([
    ['meant', 0.6],
    ['named', 0.1],
    ['also named', 0.1],
  ])
  const words = rootScores(
    new Map([
      ['named', 0.2],
      ['also named', 0.19],
    ]),
  )
  expect(order(fuseScores(vectors, words, asked))[0]).toBe('meant')
  expect(order(fuseScores(vectors, words, { ...asked, rareWords: 16 }))[0]).toBe('named')
})

test('the best score of words is the root of its share, and the others keep their distance', () => {
  const scores = rootScores(
    new Map([
      ['best', 0.49],
      ['half', 0.245],
    ]),
  )
  expect(scores.get('best')).toBeCloseTo(0.7, 6)
  expect(scores.get('half')).toBeCloseTo(0.35, 6)
  expect(rootScores(new Map())).toEqual(new Map())
})

test('of a few chunks with nearly equal cosines the one with the words is first', () => {
  const vectors = new Map([
    ['one', 0.52],
    ['other', 0.5],
  ])
  expect(order(fuseScores(vectors, new Map([['other', 0.4]]), asked))).toEqual(['other', 'one'])
})

test('a passage in other words is found although a chunk has a frequent word of the query', () => {
  const vectors = new Map([
    ['meant', 0.45],
    ['chance', 0.2],
    ['other', 0.1],
  ])
  const words = rootScores(new Map([['chance', 0.1]]))
  expect(order(fuseScores(vectors, words, { weight: 0.5, rareWords: 5.7 }))[0]).toBe('meant')
})

test('of two rows that differ in one number the one with the number is first, in spite of a smaller cosine', () => {
  const vectors = new Map([
    ['right', 0.26],
    ['wrong', 0.34],
    ['far', 0.15],
  ])
  const words = rootScores(
    new Map([
      ['right', 0.46],
      ['wrong', 0.32],
    ]),
  )
  expect(order(fuseScores(vectors, words, { weight: 0.5, rareWords: 1.5 }))[0]).toBe('right')
})

test('a chunk gets the score of its best query', () => {
  const one = new Map([
    ['a', 0.2],
    ['b', 0.5],
  ])
  expect(bestOf([one, new Map([['a', 0.4]])])).toEqual(
    new Map([
      ['a', 0.4],
      ['b', 0.5],
    ]),
  )
})

test('an embedder that cannot read the query only orders what words leave equal', () => {
  const vectors = new Map([
    ['meant', 1],
    ['named', 0],
    ['unlike', 0.5],
  ])
  const words = new Map([
    ['named', 0.02],
    ['meant', 0.01],
  ])
  const fused = fuseScores(vectors, words, { ...asked, weight: 0 })
  expect(order(fused)).toEqual(['named', 'meant', 'unlike'])
})

test.each([
  ['Was bedeutet Plastid?', 'de', 0],
  ['밸브 점검', undefined, 0],
  ['弁はどこですか', 'ja', 0],
  ['E-4471', undefined, 1],
  ['hydraulic pump', undefined, 1],
  ['Where does the ferry to São Tomé leave?', 'en', 1],
  ['', undefined, 1],
])('an English embedder counts for %j in %s: %s', (query, language, expected) => {
  expect(usualWeight(query, 'use-lite/512', language)).toBe(expected)
  expect(usualWeight(query, 'minilm-words/128', language)).toBe(expected / 2)
  expect(usualWeight(query, 'text-embedding-3-large/256', language)).toBe(1)
})

test('only the best of chunks that overlap by half is kept', () => {
  const found = [
    candidate('f', 1, 0.5),
    candidate('f', 2, 0.9),
    candidate('f', 3, 0.8),
    candidate('f', 4, 0.7),
  ]
  expect(ids(rankCandidates(found, all))).toEqual(['f_2', 'f_4'])
  expect(ids(rankCandidates(found, { ...all, ranker: 'none' }))).toEqual(['f_2', 'f_3', 'f_4', 'f_1'])
})

test('chunks at the same place of different files are kept', () => {
  expect(ids(rankCandidates([candidate('f', 1, 0.5), candidate('g', 1, 0.5)], all))).toEqual(['f_1', 'g_1'])
})

test('chunks below the threshold are left out, and at most the limit is kept', () => {
  const found = [candidate('f', 1, 0.5), candidate('g', 1, 0.4), candidate('h', 1, 0.3)]
  expect(ids(rankCandidates(found, { ...all, score_threshold: 0.4 }))).toEqual(['f_1', 'g_1'])
  expect(ids(rankCandidates(found, { ...all, limit: 1 }))).toEqual(['f_1'])
})
