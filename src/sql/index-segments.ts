/** Rows of `index_segments` and `index_pages`: the parts of a store's index that no longer change. */
import type { Database, Queryable } from '../database/database.ts'

/** What segments have, and by which rules it was made: those of other rules are not read. */
export interface SegmentKind {
  kind: 'words' | 'vectors'
  rules: number
}

export interface SegmentRow {
  id: string
  files: number[]
  stamps: number[]
  chunk_counts: number[]
  languages: string[]
}

/** The segments of a store that are of a kind, in no particular order. */
export async function segmentsOfStore(
  db: Queryable,
  vector_store_id: string,
  { kind, rules }: SegmentKind,
): Promise<SegmentRow[]> {
  return db.query<SegmentRow>({
    name: 'segments_of_store',
    text: `select id, files, stamps, chunk_counts, languages from index_segments
           where vector_store_id = $1 and kind = $2 and rules = $3`,
    values: [vector_store_id, kind, rules],
  })
}

export interface PageRow {
  segment: string
  page: number
  data: Buffer
}

/** Some pages of some segments of a store. Of a segment that still exists there is at least one row, perhaps without a page. */
export async function pagesOfSegments(
  db: Queryable,
  vector_store_id: string,
  wanted: { segments: readonly string[]; pages: readonly number[] },
): Promise<(PageRow | { segment: string; page: null })[]> {
  return db.query({
    name: 'pages_of_segments',
    text: `select s.id as segment, p.page, p.data
           from index_segments s left join index_pages p
             on p.vector_store_id = $1 and p.segment = s.id and p.page = any($3)
           where s.vector_store_id = $1 and s.id = any($2)`,
    values: [vector_store_id, wanted.segments, wanted.pages],
  })
}

/**
 * Stores a segment and returns its id. Undefined when the store is gone, or when the segments of the kind are others than
 * the `known` ones: another process may have made the same.
 */
export function insertSegment(
  db: Database,
  vector_store_id: string,
  segment: Omit<SegmentRow, 'id'> & SegmentKind & { pages: readonly Uint8Array[]; known: readonly string[] },
): Promise<string | undefined> {
  return db.transaction(async (tx) => {
    const stores = await tx.query({
      name: 'lock_store_for_segment',
      text: 'select 1 from vector_stores where id = $1 and not is_expired for update',
      values: [vector_store_id],
    })
    const now = (await segmentsOfStore(tx, vector_store_id, segment)).map(({ id }) => id)
    const isKnown = now.length === segment.known.length && now.every((id) => segment.known.includes(id))
    if (stores.length === 0 || !isKnown) return undefined
    await removeSegmentsOfKind(tx, vector_store_id, segment.kind, segment.rules)
    const [row] = await tx.query<{ id: string }>({
      name: 'insert_segment',
      text: `insert into index_segments (vector_store_id, kind, rules, files, stamps, chunk_counts, languages)
             values ($1, $2, $3, $4, $5, $6, $7) returning id`,
      values: [
        vector_store_id,
        segment.kind,
        segment.rules,
        segment.files,
        segment.stamps,
        segment.chunk_counts,
        segment.languages,
      ],
    })
    await tx.query({
      name: 'insert_pages',
      text: `insert into index_pages (vector_store_id, segment, page, data)
             select $1, $2, number - 1, data from unnest($3::bytea[]) with ordinality as p (data, number)`,
      values: [
        vector_store_id,
        row?.id,
        segment.pages.map((page) => Buffer.from(page.buffer, page.byteOffset, page.byteLength)),
      ],
    })
    return row?.id
  })
}

/** Deletes segments of a store. */
export async function removeSegments(
  db: Database,
  vector_store_id: string,
  segments: readonly string[],
): Promise<void> {
  await db.query({
    name: 'remove_segments',
    text: `with removed as (
             delete from index_segments where vector_store_id = $1 and id = any($2)
           )
           delete from index_pages where vector_store_id = $1 and segment = any($2)`,
    values: [vector_store_id, segments],
  })
}

/** Deletes the segments that a store has of a kind; with `rules` those that were made by others. */
export async function removeSegmentsOfKind(
  tx: Queryable,
  vector_store_id: string,
  kind: SegmentKind['kind'],
  rules: number | null = null,
): Promise<void> {
  await tx.query({
    name: 'remove_segments_of_kind',
    text: `with removed as (
             delete from index_segments
             where vector_store_id = $1 and kind = $2 and ($3::int is null or rules <> $3) returning id
           )
           delete from index_pages using removed where vector_store_id = $1 and segment = removed.id`,
    values: [vector_store_id, kind, rules],
  })
}
