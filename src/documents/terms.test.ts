import { expect, test } from 'vitest'
import { eachTerm, hashTerm, packTerms, termsOf } from './terms.ts'

test('words are found in every form, and stop words are left out', () => {
  expect(termsOf('The runners were running')).toEqual(['runner', 'run'])
  expect(termsOf('what is it')).toEqual([])
})

test('accents, ligatures and capitals make no difference', () => {
  expect(termsOf('CAFÉ ﬁnancé')).toEqual(termsOf('café finance'))
})

test('ids, versions, paths and addresses are found unchanged', () => {
  for (const id of ['ERR_404', 'v1.2.3', 'src/main.ts', 'a.b@example.org', 'B-12', '_private']) {
    expect(termsOf(`see ${id}, please`)).toContain(`=${id.toLowerCase()}`)
  }
})

test('names in code are found by their parts and as a whole', () => {
  expect(termsOf('parseHTTPHeader')).toEqual(['pars', 'http', 'header', 'parsehttpheader'])
  expect(termsOf('max_chunk_size')).toEqual(['=max_chunk_size', ...termsOf('max chunk size')])
})

test('numbers are words too', () => {
  expect(termsOf('in 1969')).toEqual(['1969'])
})

test('Chinese and Japanese are found by pairs of characters', () => {
  expect(termsOf('東京都 に')).toEqual(['東京', '京都', 'に'])
})

test('packed terms give back each hash with its count', () => {
  const found = new Map<number, number>()
  eachTerm(packTerms('tide and tides'), (hash, count) => found.set(hash, count))
  expect(found).toEqual(new Map([[hashTerm('tide'), 2]]))
  // A database gives a view into a larger buffer, at any place.
  const packed = packTerms('one two two')
  const odd = new Uint8Array(packed.length + 3)
  odd.set(packed, 3)
  const counts: number[] = []
  eachTerm(odd.subarray(3), (_, count) => counts.push(count))
  expect(counts.toSorted((one, other) => one - other)).toEqual([1, 2])
})
