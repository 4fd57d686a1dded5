/** The terms that a search by words compares: stems of words, and unchanged names and numbers. */
import { Languages, plainLanguage, type Language } from './languages.ts'

const word = /[\p{L}\p{M}\p{N}]+/gu
/** Scripts without spaces between words, and Korean with its many endings: compared by pairs of characters. */
const paired =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/gu
/** Scripts in which one character may be a word. */
const syllable = /[\p{Script=Han}\p{Script=Hangul}]/u
/** Compounds such as `ERR_404`, `v1.2.3`, `src/main.ts`, `a@b.org`, `B-12`: letters or digits joined by punctuation. */
const compound = /[\p{L}\p{N}_]+(?:[-_./:@#+'\\][\p{L}\p{N}_]+)+|[\p{L}\p{N}]*_[\p{L}\p{N}_]*/gu
/** The places at which `parseHttpHeader` is split into its parts. */
const humps = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u

/** A word in lower case, or a term that is the same in every language. */
interface Piece {
  text: string
  isTerm: boolean
}

/** In the order of the text, with repetitions. */
function* piecesOf(text: string): Generator<Piece> {
  const plain = normalize(text)
  for (const [found] of plain.matchAll(compound)) {
    // `=` marks an unchanged compound.
    if (/[\p{L}\p{N}]/u.test(found)) yield { text: `=${fold(found.toLowerCase())}`, isTerm: true }
  }
  for (const [found] of plain.matchAll(word)) {
    const parts = found.split(humps)
    for (const part of parts) yield* piecesOfWord(part.toLowerCase())
    // The whole word too: people search for `github` when the text has `GitHub`.
    if (parts.length > 1) yield { text: fold(found.toLowerCase()), isTerm: true }
  }
}

function* piecesOfWord(text: string): Generator<Piece> {
  if (isAscii(text)) {
    yield { text, isTerm: false }
    return
  }
  let from = 0
  for (const { 0: run, index } of text.matchAll(paired)) {
    if (index > from) yield { text: text.slice(from, index), isTerm: false }
    from = index + run.length
    const characters = Array.from(run)
    for (const [at, character] of characters.entries()) {
      if (syllable.test(character) || characters.length === 1) yield { text: character, isTerm: true }
      if (at > 0) yield { text: `${characters[at - 1]}${character}`, isTerm: true }
    }
  }
  if (from < text.length) yield { text: text.slice(from), isTerm: false }
}

function termOf({ text, isTerm }: Piece, { code, stem }: Language): string {
  if (isTerm) return text
  if (text.length < 3) return fold(text)
  // English has accents in foreign words only. The stemmers of other languages need them.
  return code === 'en' ? stem(fold(text)) : fold(stem(text))
}

/** The terms of a passage, in order, with repetitions. */
export function termsOf(text: string, language: Language): string[] {
  return Array.from(piecesOf(text), (piece) => termOf(piece, language))
}

/**
 * For each word of a query, the terms of this word in passages of all `languages`, each once. Leaves out stop words of
 * the query's language, `own`; a term for passages in a language is left out when the word is a stop word there. A query
 * that has only stop words keeps them.
 */
export function queryTerms(
  query: string,
  languages: readonly Language[],
  own: Language = plainLanguage,
): string[][] {
  const pieces = [...piecesOf(query)]
  const termsIn = (piece: Piece, all: readonly Language[]) => [
    ...new Set(all.map((language) => termOf(piece, language))),
  ]
  const significant = pieces.map((piece) => termsIn(piece, significantIn(piece, languages, own)))
  const found = significant.filter((terms) => terms.length > 0)
  return found.length > 0 ? found : pieces.map((piece) => termsIn(piece, languages))
}

/** The languages in which the word is not a stop word. */
function significantIn({ text }: Piece, languages: readonly Language[], own: Language): readonly Language[] {
  if (own.stopwords.has(text)) return []
  const significant = languages.filter(({ stopwords }) => !stopwords.has(text))
  // Passages of no known language are probably in a language of the store, so its stop words are left out there too.
  return significant.length === languages.length
    ? significant
    : significant.filter((one) => one !== plainLanguage)
}

/** Replaces digits of other scripts and full-width letters by ASCII; removes optional vowel marks. */
function normalize(text: string): string {
  // Most text is ASCII, and these steps are expensive.
  if (isAscii(text)) return text
  return text
    .normalize('NFKC')
    .replaceAll('’', "'")
    .replaceAll(/[\u0591-\u05c7\u064b-\u065f\u0670\u0640]/g, '')
    .replaceAll(/[٠-٩۰-۹०-९]/g, (digit) => String((digit.charCodeAt(0) - (digit < '०' ? 0 : 6)) & 15))
}

/** Letters without a separate accent, and what people type instead of them. */
const plainLetters: Readonly<Record<string, string>> = { ß: 'ss', ё: 'е', đ: 'd', ł: 'l', ø: 'o', ı: 'i' }

/** Removes accents: `Café` and `cafe` are the same term. */
function fold(text: string): string {
  if (isAscii(text)) return text
  return text
    .normalize('NFKD')
    .replaceAll(/(?<=[\u0041-\u024f\u0370-\u03ff])[\u0300-\u036f]+/g, '')
    .normalize('NFC')
    .replaceAll(/[ßёđłøı]/g, (letter) => plainLetters[letter] ?? letter)
}

function isAscii(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text)
}

/** A hash of 32 bits. Some terms of a store may have the same hash; a search then finds passages with either. */
export function hashTerm(term: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < term.length; at += 1) hash = Math.imul(hash ^ term.charCodeAt(at), 0x01000193)
  // FNV gives short words similar upper bits.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const most = 255
/** Increase it when the rules above change: workers then make the terms of stored passages again from their text. */
export const termsVersion = 3
const headerBytes = 3

/** Packs the terms of passages, each in its own language. */
export class TermPacker {
  readonly #languages: Languages

  constructor(languages = new Languages()) {
    this.#languages = languages
  }

  /**
   * The terms of a passage in the form of its row: the version, the two letters of its language, n hashes of four bytes,
   * then n counts of one byte.
   */
  async pack(text: string): Promise<Uint8Array> {
    const language = await this.#languages.of(text)
    const counts = new Map<number, number>()
    for (const term of termsOf(text, language)) {
      const hash = hashTerm(term)
      counts.set(hash, (counts.get(hash) ?? 0) + 1)
    }
    return packCounts(language.code, counts)
  }
}

/** Packs the number of occurrences of each hash in a passage. */
export function packCounts(language: string, counts: ReadonlyMap<number, number>): Uint8Array {
  const packed = new Uint8Array(headerBytes + counts.size * 5)
  packed.set([termsVersion, language.charCodeAt(0), language.charCodeAt(1)])
  const view = new DataView(packed.buffer, headerBytes)
  let at = 0
  for (const [hash, count] of counts) {
    view.setUint32(at * 4, hash, true)
    view.setUint8(counts.size * 4 + at, Math.min(count, most))
    at += 1
  }
  return packed
}

/** Whether a passage was packed by this version. */
export function isCurrent(packed: Uint8Array): boolean {
  return packed.byteLength % 5 === headerBytes && packed[0] === termsVersion
}

/** A packed passage of any version in the form of this one. The first version had no header, and stems of English words only. */
export function withHeader(packed: Uint8Array): Uint8Array {
  if (packed.byteLength % 5 === headerBytes) return packed
  return Uint8Array.from([1, ...Buffer.from('en'), ...packed])
}

/** The code of the language of a packed passage. */
export function packedLanguage(packed: Uint8Array): string {
  return String.fromCharCode(packed[1] ?? 0, packed[2] ?? 0)
}

/** Calls back with each hash and count of a packed passage that has a header. */
export function eachTerm(packed: Uint8Array, visit: (hash: number, count: number) => void): void {
  const count = Math.floor((packed.byteLength - headerBytes) / 5)
  const view = new DataView(packed.buffer, packed.byteOffset + headerBytes, packed.byteLength - headerBytes)
  for (let at = 0; at < count; at += 1) visit(view.getUint32(at * 4, true), view.getUint8(count * 4 + at))
}
