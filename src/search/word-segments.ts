/** Makes segments of words from rows, and reads them. */
import { isCurrent, packedLanguage } from '../documents/index.ts'
import { chunksOf, numbering } from './chunk-table.ts'
import type { Segment, SourcePart } from './port.ts'
import { buildPostings, type Postings } from './postings.ts'
import { SegmentsChanged, type NewSegment } from './segments.ts'
import { toFloats } from './store-sources.ts'
import { lengthsPage, packPostings, pageOfTerm, StoredPostings } from './stored-postings.ts'
import type { WordSource } from './word-source.ts'

/** What is held in memory of the words of a lot. */
export interface LotWords {
  /** The number of terms of each chunk, with repetitions. */
  lengths: Float32Array
  /** Undefined when each search reads them from the segment. */
  postings: Postings | undefined
  languages: readonly string[]
  /** Whether terms of an earlier version are among them, which workers make again. */
  isOutdated: boolean
}

export function bytesOfWords({ lengths, postings }: LotWords): number {
  return postings?.bytes ?? lengths.byteLength
}

/**
 * Reads the words of parts from their rows. Parts that were removed meanwhile have no words. Asks the workers to make terms of
 * an earlier version again.
 */
export async function readWords(
  source: WordSource,
  parts: readonly SourcePart[],
): Promise<LotWords & { postings: Postings }> {
  const numberOf = numbering(parts)
  const chunks = Array.from({ length: chunksOf(parts) }, (): Uint8Array | undefined => undefined)
  const languages = new Set<string>()
  let isOutdated = false
  for await (const page of source.terms(parts.map(({ part }) => part))) {
    for (const { part, position, terms } of page) {
      const chunk = numberOf(part, position)
      if (chunk === undefined) continue
      chunks[chunk] = terms
      languages.add(packedLanguage(terms))
      isOutdated ||= !isCurrent(terms)
    }
  }
  const postings = await buildPostings(chunks)
  if (isOutdated) await source.segments.request()
  return { lengths: postings.lengths, postings, languages: [...languages], isOutdated }
}

export async function makeWordSegment(source: WordSource, parts: readonly SourcePart[]): Promise<NewSegment> {
  const { postings, languages } = await readWords(source, parts)
  return { parts, languages: [...languages], pages: await packPostings(postings) }
}

/** Reads what is held in memory of a segment. Throws `SegmentsChanged`. */
export async function openWords(source: WordSource, { id, languages }: Segment): Promise<LotWords> {
  const pages = (await source.segments.pages([id], [lengthsPage])).get(id)
  const lengths = toFloats(pages?.get(lengthsPage) ?? new Uint8Array())
  return { lengths, postings: undefined, languages, isOutdated: false }
}

/** Reads the postings of some terms; the result returns those of a segment. Both throw `SegmentsChanged`. */
export async function readPostings(
  source: WordSource,
  segments: readonly string[],
  hashes: readonly number[],
): Promise<(id: string | undefined, lengths: Float32Array) => StoredPostings> {
  const found = await source.segments.pages(segments, [...new Set(hashes.map(pageOfTerm))])
  return (id, lengths) => {
    const pages = id === undefined ? undefined : found.get(id)
    if (!pages) throw new SegmentsChanged()
    return new StoredPostings(pages, lengths)
  }
}
