import { expect, test } from 'vitest'
import { bestOf, fuseScores, rankCandidates, vectorShare, type Candidate } from './rank.ts'

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

test('a score adds up vectors and words, and is between 0 and 1', () => {
  const vectors = new Map([
    ['both', 0.8],
    ['meaning', 1.2],
    ['opposite', -0.5],
  ])
  const words = new Map([
    ['both', 0.6],
    ['words', 1],
  ])
  // The cosines spread over all of 0..1, so the share is the weight.
  const fused = fuseScores(vectors, words, 0.5)
  expect([...fused].map(([id, score]) => [id, Number(score.toFixed(4))])).toEqual([
    ['both', 0.7],
    ['meaning', 0.5],
    ['opposite', 0],
    ['words', 0.5],
  ])
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
  expect(order(fuseScores(vectors, new Map([['named', 0.1]]), 0.3))).toEqual(['meant', 'named', 'unlike'])
  expect(order(fuseScores(vectors, new Map([['named', 0.9]]), 0.3))).toEqual(['named', 'meant', 'unlike'])
})

test('of a few chunks with nearly equal cosines the one with the words is first', () => {
  const vectors = new Map([
    ['one', 0.52],
    ['other', 0.5],
  ])
  expect(order(fuseScores(vectors, new Map([['other', 0.2]]), 0.25))).toEqual(['other', 'one'])
  // A single chunk has no spread.
  expect(fuseScores(new Map([['one', 0.5]]), new Map(), 0.25).get('one')).toBeGreaterThan(0.2)
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
  'Was bedeutet Plastid?',
  'Wie oft reist Doctor Who?',
  'Wo liegen die School of Medicine und die School of Law?',
  'Où est la vanne de la chaudière ?',
  '¿Dónde está el manual de la caldera?',
  'Где находится клапан?',
  '밸브는 어디에 있습니까?',
  'أين الصمام؟',
  '弁はどこですか',
])('with an English embedder words alone decide about %s', (query) => {
  const share = vectorShare('minilm-words/128', query)
  const vectors = new Map([
    ['meant', 1],
    ['named', 0],
    ['unlike', 0.5],
  ])
  const words = new Map([
    ['named', 0.02],
    ['meant', 0.01],
  ])
  expect(order(fuseScores(vectors, words, share))).toEqual(['named', 'meant', 'unlike'])
  expect(vectorShare('text-embedding-3-small/1536', query)).toBe(0.3)
})

test.each([
  'Where does the ferry to São Tomé leave?',
  'What was the default of ERR_42?',
  'Who was Ada Lovelace?',
  'valve identifier boiler',
  'E-4471',
  '',
])('to an English embedder %j is English, or no language at all', (query) => {
  expect(vectorShare('minilm-words/128', query)).toBe(0.25)
})

test('the vector of the built-in embedder counts less for a query of many words', () => {
  const long =
    'Which methods make titles of articles that describe what the articles contain, how do readers judge such titles, ' +
    'and what problems come up when a computer searches for documents by approximate titles or by authors?'
  expect(vectorShare('minilm-words/128', long)).toBeLessThan(0.2)
  expect(vectorShare('minilm-words/128', long)).toBeGreaterThan(0.1)
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
