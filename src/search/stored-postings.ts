/**
 * Postings as a segment stores them: pages of bytes, so that the terms of a query are in a few of them. A page has the
 * number of its terms, for each term its hash and the end of its postings, and then the postings: the distance to the chunk
 * before, and how often the chunk has the term when that is more than once.
 */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import type { Postings, TermPostings } from './postings.ts'

/** The first byte of a term's hash chooses its page. */
const termPages = 256
/** The page with the lengths of the chunks. */
export const lengthsPage = termPages

const bytesPerTerm = 8

export function pageOfTerm(hash: number): number {
  return hash >>> 24
}

/** The pages of a segment, in order. */
export async function packPostings(postings: Postings): Promise<Uint8Array[]> {
  const hashes: number[][] = Array.from({ length: termPages }, () => [])
  for (const hash of postings.hashes) hashes[pageOfTerm(hash)]?.push(hash)
  const pages: Uint8Array[] = []
  for (const some of hashes) {
    pages.push(packPage(postings, some))
    // Other work of the process gets its turn.
    await nextTurnOfLoop()
  }
  const { buffer, byteOffset, byteLength } = postings.lengths
  return [...pages, new Uint8Array(buffer, byteOffset, byteLength)]
}

function packPage(postings: Postings, hashes: readonly number[]): Uint8Array {
  const bodies: number[] = []
  const head = new DataView(new ArrayBuffer(4 + hashes.length * bytesPerTerm))
  head.setUint32(0, hashes.length, true)
  for (const [at, hash] of hashes.entries()) {
    let last = 0
    postings.each(hash, (chunk, count) => {
      pushNumber(bodies, (chunk - last) * 2 + Number(count > 1))
      if (count > 1) bodies.push(count)
      last = chunk
    })
    head.setUint32(4 + at * bytesPerTerm, hash, true)
    head.setUint32(8 + at * bytesPerTerm, bodies.length, true)
  }
  const page = new Uint8Array(head.byteLength + bodies.length)
  page.set(new Uint8Array(head.buffer))
  page.set(bodies, head.byteLength)
  return page
}

/** Writes a number with seven bits in each byte, the lowest first. The highest bit says that more bytes follow. */
function pushNumber(bytes: number[], value: number): void {
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
}

/** The postings of those terms whose pages were read. */
export class StoredPostings implements TermPostings {
  readonly lengths: Float32Array
  readonly #pages: ReadonlyMap<number, Uint8Array>

  constructor(pages: ReadonlyMap<number, Uint8Array>, lengths: Float32Array) {
    this.#pages = pages
    this.lengths = lengths
  }

  count(hash: number): number {
    let holders = 0
    this.each(hash, () => (holders += 1))
    return holders
  }

  each(hash: number, visit: (chunk: number, count: number) => void): void {
    const page = this.#pages.get(pageOfTerm(hash))
    if (!page) return
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength)
    const terms = view.getUint32(0, true)
    const body = 4 + terms * bytesPerTerm
    for (let term = 0; term < terms; term += 1) {
      if (view.getUint32(4 + term * bytesPerTerm, true) !== hash) continue
      const from = term === 0 ? 0 : view.getUint32(term * bytesPerTerm, true)
      eachPosting(page.subarray(body + from, body + view.getUint32(8 + term * bytesPerTerm, true)), visit)
      return
    }
  }
}

function eachPosting(bytes: Uint8Array, visit: (chunk: number, count: number) => void): void {
  let chunk = 0
  for (let at = 0; at < bytes.length;) {
    let [value, factor] = [0, 1]
    for (; (bytes[at] ?? 0) > 127; at += 1, factor *= 128) value += ((bytes[at] ?? 0) - 128) * factor
    value += (bytes[at] ?? 0) * factor
    at += 1
    chunk += Math.floor(value / 2)
    visit(chunk, value % 2 === 1 ? (bytes[at++] ?? 0) : 1)
  }
}
