import { beforeAll, describe, expect, test } from 'vitest'
import { Languages, plainLanguage, type Language } from './languages.ts'
import {
  eachTerm,
  hashTerm,
  isCurrent,
  packCounts,
  packedLanguage,
  queryTerms,
  TermPacker,
  termsOf,
} from './terms.ts'

const languages = new Languages()
let english: Language
beforeAll(async () => {
  english = await languages.load('en')
})

test('words are found in every form', () => {
  expect(termsOf('The runners were running', english)).toEqual(['the', 'runner', 'were', 'run'])
})

test.each([
  ['de', 'Hauses', 'Häuser'],
  ['nl', 'boeken', 'boek'],
  ['sv', 'flickorna', 'flickor'],
  ['da', 'husene', 'husets'],
  ['no', 'bøkene', 'bøker'],
  ['fi', 'taloissa', 'talossa'],
  ['fr', 'continuaient', 'continuer'],
  ['es', 'casas', 'casa'],
  ['it', 'bambini', 'bambino'],
  ['pt', 'meninos', 'menino'],
  ['ro', 'casele', 'case'],
  ['ru', 'человеке', 'человек'],
  ['uk', 'будинки', 'будинків'],
  ['bg', 'книгата', 'книга'],
  ['el', 'σχολεία', 'σχολείο'],
  ['hu', 'házakban', 'házak'],
  ['tr', 'evlerinden', 'evler'],
  ['ar', 'المدرسة', 'مدرسة'],
  ['hi', 'लड़कों', 'लड़के'],
  ['hy', 'քաղաքներ', 'քաղաքներում'],
  ['lt', 'namuose', 'namas'],
  ['ms', 'membaca', 'dibaca'],
  ['sr', 'куће', 'кућа'],
  ['ta', 'பள்ளிகள்', 'பள்ளி'],
  ['pl', 'cyrkonowymi', 'cyrkonowego'],
  ['pl', 'strażnikach', 'strażnik'],
  ['cs', 'novotnému', 'novotný'],
  ['cs', 'hlídačích', 'hlídač'],
  ['he', 'מהמפתח', 'מפתח'],
  ['he', 'לאברמוביץ', 'אברמוביץ'],
])('in %s %j and %j are the same', async (code, one, other) => {
  const language = await languages.load(code)
  expect(language.code).toBe(code)
  expect(termsOf(one, language)).toEqual(termsOf(other, language))
})

test.each(['переверзеве', 'славееве', 'гергеве'])(
  'the Bulgarian word %s, for which the stemmer throws, stays as it is',
  async (word) => {
    expect(termsOf(word, await languages.load('bg'))).toEqual([word])
  },
)

test.each([
  ['Łódź', 'lodz'],
  ['đường', 'duong'],
  ['Tromsø', 'tromso'],
  ['kapı', 'KAPI'],
])('%s is found as %s too', (written, typed) => {
  expect(termsOf(written, plainLanguage)).toEqual(termsOf(typed, plainLanguage))
})

test('accents, ligatures, capitals and optional marks of vowels make no difference', () => {
  expect(termsOf('CAFÉ ﬁnancé', english)).toEqual(termsOf('café finance', english))
  expect(termsOf('Straße Ελλάδα жёлтый', plainLanguage)).toEqual(
    termsOf('STRASSE ΕΛΛΑΔΑ желтый', plainLanguage),
  )
  expect(termsOf('كَتَبَ كتـــب', plainLanguage)).toEqual(['كتب', 'كتب'])
})

test('ids, versions, paths and addresses are found unchanged', () => {
  for (const id of ['ERR_404', 'v1.2.3', 'src/main.ts', 'a.b@example.org', 'B-12', '_private']) {
    expect(termsOf(`see ${id}, please`, english)).toContain(`=${id.toLowerCase()}`)
  }
})

test('names in code are found by their parts and as a whole', () => {
  expect(termsOf('parseHTTPHeader', english)).toEqual(['pars', 'http', 'header', 'parsehttpheader'])
  expect(termsOf('max_chunk_size', english)).toEqual([
    '=max_chunk_size',
    ...termsOf('max chunk size', english),
  ])
})

test('numbers are words too, in any digits', () => {
  expect(termsOf('in 1969', english)).toEqual(['in', '1969'])
  expect(termsOf('١٩٦٩ ۱۹۶۹ १९६९ １９６９', plainLanguage)).toEqual(['1969', '1969', '1969', '1969'])
})

test.each([
  ['東京都 に', ['東', '京', '東京', '都', '京都', 'に']],
  ['カナ12', ['カナ', '12']],
  ['밸브는', ['밸', '브', '밸브', '는', '브는']],
  ['วาล์ว', ['วา', 'าล', 'ล์', '์ว']],
])('%s is found by pairs of characters', (text, terms) => {
  expect(termsOf(text, plainLanguage)).toEqual(terms)
})

describe('a query', () => {
  test('has for each word the terms of all languages of the store', async () => {
    const german = await languages.load('de')
    expect(queryTerms('Häuser bauen', [english, german])).toEqual([
      ['hauser', 'haus'],
      ['bauen', 'bau'],
    ])
    // A term that languages have in common comes once.
    expect(queryTerms('4711 ERR_7', [english, german])).toEqual([['=err_7'], ['4711'], ['err'], ['7']])
  })

  test('leaves out the stop words of its own language, and of a language where it is compared', async () => {
    const german = await languages.load('de')
    const french = await languages.load('fr')
    // `die` is an article in German and a verb in English.
    expect(queryTerms('die Kaffeemühle', [german])).toHaveLength(1)
    expect(queryTerms('die Kaffeemühle', [german, english])).toHaveLength(2)
    expect(queryTerms('die Kaffeemühle', [german, english], german)).toHaveLength(1)
    expect(queryTerms('die Kaffeemühle', [french, german, plainLanguage])[0]).toEqual(termsOf('die', french))
    // The query has no other words.
    expect(queryTerms('The Who', [english], english)).toEqual([['the'], ['who']])
  })
})

describe('packed terms', () => {
  test('contain the language, and each hash with its count', async () => {
    const found = new Map<number, number>()
    const packed = await new TermPacker().pack('The tide and the tides of the northern sea')
    eachTerm(packed, (hash, count) => found.set(hash, count))
    expect(found.get(hashTerm('tide'))).toBe(2)
    expect(found.size).toBe(6)
    expect(packedLanguage(packed)).toBe('en')
    expect(packedLanguage(await new TermPacker().pack('Der Bär schläft im Winter in einer Höhle'))).toBe('de')
    expect(packedLanguage(await new TermPacker().pack('47 11'))).toBe('--')
  })

  test('are read from any place of a larger buffer, as a database gives them', () => {
    const packed = packCounts(
      'en',
      new Map([
        [1, 1],
        [2, 300],
      ]),
    )
    const odd = new Uint8Array(packed.length + 3)
    odd.set(packed, 3)
    const counts: number[] = []
    eachTerm(odd.subarray(3), (_, count) => counts.push(count))
    expect(counts).toEqual([1, 255])
  })

  test('of another version are recognised', async () => {
    const packed = await new TermPacker().pack('tide')
    expect(isCurrent(packed)).toBe(true)
    expect(isCurrent(packed.subarray(3))).toBe(false)
    expect(isCurrent(new Uint8Array())).toBe(false)
    expect(isCurrent(Uint8Array.from([1, ...packed.subarray(1)]))).toBe(false)
  })
})
