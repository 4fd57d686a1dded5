/** What a text is found by when words are compared: stems, and names and numbers as they stand. */
import { stemmer } from 'stemmer'

/** English words that say nothing about a text. */
const stopwords = new Set(
  (
    'a about above after again against all am an and any are as at be because been before being below between both ' +
    'but by can could did do does doing down during each few for from further had has have having he her here hers ' +
    'him his how i if in into is it its itself just me more most my no nor not of off on once only or other our ours ' +
    'out over own s same she should so some such t than that the their theirs them then there these they this those ' +
    'through to too under until up us very was we were what when where which while who whom why will with would you ' +
    'your yours'
  ).split(' '),
)
const word = /[\p{L}\p{M}\p{N}]+/gu
/** Written without blanks between words: found by pairs of characters. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu
/** Things like `ERR_404`, `v1.2.3`, `src/main.ts`, `a@b.org`, `B-12`: letters or digits with signs between them. */
const compound = /[\p{L}\p{N}_]+(?:[-_./:@#+'’\\][\p{L}\p{N}_]+)+|[\p{L}\p{N}]*_[\p{L}\p{N}_]*/gu
/** `parseHttpHeader` is also found as its parts. */
const humps = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u

/**
 * Terms in the order of the text, repeated as they are there. The same function reads passages and queries.
 * A term with `=` before it is a compound as it stands in the text, in lower case.
 */
export function termsOf(text: string): string[] {
  const plain = fold(text)
  const terms: string[] = []
  for (const [found] of plain.matchAll(compound)) {
    if (/[\p{L}\p{N}]/u.test(found)) terms.push(`=${found.toLowerCase()}`)
  }
  for (const [found] of plain.matchAll(word)) {
    const parts = found.split(humps)
    for (const part of parts) addWord(terms, part.toLowerCase())
    // The whole too: people search for `github` when the text says `GitHub`.
    if (parts.length > 1) terms.push(found.toLowerCase())
  }
  return terms
}

function addWord(terms: string[], text: string): void {
  if (stopwords.has(text)) return
  if (/^[a-z]+$/.test(text)) {
    terms.push(text.length > 2 ? stemmer(text) : text)
    return
  }
  const rest = text.replace(unspaced, (run) => {
    const characters = Array.from(run)
    if (characters.length === 1) terms.push(run)
    for (let at = 1; at < characters.length; at += 1) terms.push(`${characters[at - 1]}${characters[at]}`)
    return ' '
  })
  for (const part of rest.split(' ')) if (part !== '') terms.push(part)
}

/** `ﬁancée` and `fiancee` are the same word. */
function fold(text: string): string {
  // Most text is ASCII, and this step is expensive.
  if (!/[\u0080-\uffff]/.test(text)) return text
  return text
    .normalize('NFKD')
    .replace(/(?<=[\u0041-\u024f])[\u0300-\u036f]+/g, '')
    .normalize('NFC')
    .replaceAll('’', "'")
}

/** 32 bits that stand for a term: two terms of a store share one about once in a thousand stores of a million terms. */
export function hashTerm(term: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < term.length; at += 1) hash = Math.imul(hash ^ term.charCodeAt(at), 0x01000193)
  // FNV leaves the upper bits of short words alike.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const most = 255

/** The terms of a passage as they are kept in its row: n hashes of four bytes, then n counts of one byte. */
export function packTerms(text: string): Uint8Array {
  const counts = new Map<number, number>()
  for (const term of termsOf(text)) {
    const hash = hashTerm(term)
    counts.set(hash, (counts.get(hash) ?? 0) + 1)
  }
  const packed = new Uint8Array(counts.size * 5)
  const view = new DataView(packed.buffer)
  let at = 0
  for (const [hash, count] of counts) {
    view.setUint32(at * 4, hash, true)
    packed[counts.size * 4 + at] = Math.min(count, most)
    at += 1
  }
  return packed
}

/** Calls back with each hash and count of a packed passage. */
export function eachTerm(packed: Uint8Array, visit: (hash: number, count: number) => void): void {
  const count = Math.floor(packed.byteLength / 5)
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let at = 0; at < count; at += 1) visit(view.getUint32(at * 4, true), packed[count * 4 + at] ?? 0)
}
