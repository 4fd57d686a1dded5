/** Rows of `index_segments` and `index_pages`: the parts of a store's index that no longer change. */
import type { Database, Queryable } from '../database/database.ts'
import { hasRow } from './rows.ts'

/** How many chunks a full segment has at least. */
export const segmentChunks = 16_384

/** The content of a segment, and the version of the rules that made it. Segments of other rules are not read. */
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

/** A worker's claim on a store, to make its segments. It fences every write. */
export interface SegmentClaim {
  vector_store_id: string
  owner: string
}

/** Asks the workers to make and remove segments of a store. */
export async function requestSegments(db: Queryable, vector_store_id: string): Promise<void> {
  await db.query({
    name: 'request_segments',
    text: 'update vector_stores set needs_segments = true where id = $1 and not needs_segments',
    values: [vector_store_id],
  })
}

/**
 * Claims any store that needs segments and has no other owner with a lease; undefined when there is none. A worker has one
 * claim at a time.
 */
export async function claimSegments(
  db: Queryable,
  owner: string,
): Promise<{ id: string; project: string; embedder: string } | undefined> {
  const [row] = await db.query<{ id: string; project: string; embedder: string }>({
    name: 'claim_segments',
    text: `update vector_stores set needs_segments = false, segments_owner = $1
           where id = (
             select id from vector_stores s
             where (needs_segments or segments_owner is not null) and not is_expired and not exists (
               select 1 from workers w
               where w.id = s.segments_owner and w.id <> $1 and w.expires_at > clock_timestamp())
             order by random() limit 1 for update skip locked)
           returning id, project, embedder`,
    values: [owner],
  })
  return row
}

/**
 * Ends a claim. With `again` some worker must claim the store again; else the version of the store increases, so that searches
 * load what was made.
 */
export async function releaseSegments(
  db: Queryable,
  { vector_store_id, owner }: SegmentClaim,
  again: boolean,
): Promise<void> {
  await db.query({
    name: 'release_segments',
    text: `update vector_stores set segments_owner = null, needs_segments = needs_segments or $3, version = version + (not $3)::int
           where id = $1 and segments_owner = $2`,
    values: [vector_store_id, owner, again],
  })
}

/** Locks the store until the transaction ends; returns false when it is gone or the claim on it is lost. */
async function lockClaimed(tx: Queryable, { vector_store_id, owner }: SegmentClaim): Promise<boolean> {
  return hasRow(tx, {
    name: 'lock_store_for_segments',
    text: `select 1 from vector_stores where id = $1 and segments_owner = $2 and not is_expired for update`,
    values: [vector_store_id, owner],
  })
}

/**
 * Stores a segment and returns its id. Undefined when the claim on the store is lost, or when the segments of the kind are
 * others than the `known` ones.
 */
export function insertSegment(
  db: Database,
  claim: SegmentClaim,
  segment: Omit<SegmentRow, 'id'> & SegmentKind & { pages: readonly Uint8Array[]; known: readonly string[] },
): Promise<string | undefined> {
  return db.transaction(async (tx) => {
    if (!(await lockClaimed(tx, claim))) return undefined
    const { vector_store_id } = claim
    const now = (await segmentsOfStore(tx, vector_store_id, segment)).map(({ id }) => id)
    const isKnown = now.length === segment.known.length && now.every((id) => segment.known.includes(id))
    if (!isKnown) return undefined
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
    // One by one: a list of pages would be one text in hexadecimal.
    for (const [page, data] of segment.pages.entries()) {
      await tx.query({
        name: 'insert_page',
        text: 'insert into index_pages (vector_store_id, segment, page, data) values ($1, $2, $3, $4)',
        values: [vector_store_id, row?.id, page, Buffer.from(data.buffer, data.byteOffset, data.byteLength)],
      })
    }
    return row?.id
  })
}

/** Deletes segments of a store; returns false when the claim on it is lost. */
export function removeSegments(
  db: Database,
  claim: SegmentClaim,
  segments: readonly string[],
): Promise<boolean> {
  return db.transaction(async (tx) => {
    if (!(await lockClaimed(tx, claim))) return false
    await tx.query({
      name: 'remove_segments',
      text: `with removed as (
               delete from index_segments where vector_store_id = $1 and id = any($2)
             )
             delete from index_pages where vector_store_id = $1 and segment = any($2)`,
      values: [claim.vector_store_id, segments],
    })
    return true
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
