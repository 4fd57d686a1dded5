/** Makes segments of words from rows, and opens those that are stored. */
import { packedLanguage } from '../documents/index.ts'
import type { Segment, SourcePart } from './port.ts'
import type { WordRow, WordSource } from './word-source.ts'
import { buildPostings } from './postings.ts'
import { addSegments, SegmentsChanged } from './segments.ts'
import { toFloats } from './store-sources.ts'
import { lengthsPage, packPostings, pageOfTerm, StoredPostings } from './stored-postings.ts'

export interface ReadRows {
  /** Segments that were made of full lots of rows. */
  added: Segment[]
  /** Rows that are too few for a segment. */
  rest: WordRow[]
}

/**
 * Reads parts that are in none of the `known` segments. Lots of `size` chunks are stored as segments. Throws
 * `SegmentsChanged`.
 */
export async function readIntoSegments(
  source: WordSource,
  parts: readonly SourcePart[],
  options: { known: readonly Segment[]; size: number },
): Promise<ReadRows> {
  const { added, rest } = await addSegments(source, parts, options, addWordSegment)
  return { added, rest: rest.length > 0 ? await readRows(source, rest) : [] }
}

async function readRows(source: WordSource, parts: readonly SourcePart[]): Promise<WordRow[]> {
  const rows: WordRow[] = []
  for await (const page of source.terms(parts.map(({ part }) => part))) rows.push(...page)
  return rows
}

/** Throws `SegmentsChanged`. */
export async function addWordSegment(
  source: WordSource,
  parts: readonly SourcePart[],
  known: readonly Segment[],
): Promise<Segment> {
  const rows = await readRows(source, parts)
  const counts = new Map<string, number>()
  for (const { part } of rows) counts.set(part, (counts.get(part) ?? 0) + 1)
  // A part was removed while it was read.
  if (parts.some(({ part, chunks }) => counts.get(part) !== chunks)) throw new SegmentsChanged()
  const byName = new Map(parts.map((one) => [one.part, one]))
  const inOrder = [...counts.keys()].flatMap((part) => byName.get(part) ?? [])
  const languages = [...new Set(rows.map(({ terms }) => packedLanguage(terms)))]
  const pages = await packPostings(await buildPostings(rows))
  return source.segments.add({ parts: inOrder, languages, pages }, known)
}

/** The lengths of the chunks of each segment, by its id. Throws `SegmentsChanged`. */
export async function readLengths(
  source: WordSource,
  segments: readonly Segment[],
): Promise<Map<string, Float32Array>> {
  const ids = segments.map(({ id }) => id)
  const lengths = new Map<string, Float32Array>()
  for (const [id, pages] of await source.segments.pages(ids, [lengthsPage])) {
    lengths.set(id, toFloats(pages.get(lengthsPage) ?? new Uint8Array()))
  }
  return lengths
}

/** The postings of some terms in segments, by id. Throws `SegmentsChanged`. */
export async function readPostings(
  source: WordSource,
  segments: readonly { id: string; lengths: Float32Array }[],
  hashes: readonly number[],
): Promise<Map<string, StoredPostings>> {
  const ids = segments.map(({ id }) => id)
  const found = await source.segments.pages(ids, [...new Set(hashes.map(pageOfTerm))])
  return new Map(
    segments.map(({ id, lengths }) => [id, new StoredPostings(found.get(id) ?? new Map(), lengths)]),
  )
}
