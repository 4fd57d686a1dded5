import { expect, test } from 'vitest'
import { alphaFor, bestOf, fuseScores, rankCandidates, type Candidate } from './rank.ts'

function candidate(file_id: string, index: number, score: number): Candidate {
  return { chunk_id: `${file_id}_${index}`, file_id, start: index * 100, end: index * 100 + 200, score }
}

function ids(candidates: Candidate[]): string[] {
  return candidates.map(({ chunk_id }) => chunk_id)
}

const all = { limit: 10, score_threshold: 0, ranker: 'auto' } as const

test('a score adds up vectors and words, and is between 0 and 1', () => {
  const vectors = new Map([
    ['both', 0.8],
    ['meaning', 0.9],
    ['opposite', -0.5],
  ])
  const words = new Map([
    ['both', 0.6],
    ['words', 1],
  ])
  const fused = fuseScores(vectors, words, 0.5)
  expect([...fused].map(([id, score]) => [id, Number(score.toFixed(4))])).toEqual([
    ['both', 0.7],
    ['meaning', 0.45],
    ['opposite', 0],
    ['words', 0.5],
  ])
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

test.each([
  'Wie lautet die Kennung des Ventils Q7-Zirkon in der Anlage?',
  'Où est la vanne de la chaudière ?',
  '¿Dónde está el manual de la caldera?',
  'Где находится клапан?',
  '밸브는 어디에 있습니까?',
  '弁はどこですか',
])('with an English embedder, the words of a query in %s count more than its vector', (query) => {
  expect(alphaFor('use-lite/512', query)).toBe(0.1)
  expect(alphaFor('text-embedding-3-small/1536', query)).toBe(0.5)
})

test.each([
  'Where does the ferry to São Tomé leave?',
  'What was the default of ERR_42?',
  'valve identifier boiler',
  'E-4471',
  '',
])('with an English embedder, the query %j is treated as English', (query) => {
  expect(alphaFor('use-lite/512', query)).toBe(0.5)
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
