/** Rows of `chunks` and `chunk_windows`: the text, the words and the vectors that a search reads. */
import type { Queryable } from '../database/database.ts'
import { hasRow } from './rows.ts'

export interface ChunkRow {
  store_file: number
  position: number
  text: string
  start_at: number
  end_at: number
  page: number | null
  last_page: number | null
  slide: number | null
  last_slide: number | null
  heading: string | null
}

export type NewChunk = Omit<ChunkRow, 'store_file'> & { terms: Uint8Array }

/** A file in a store, for statements about its chunks. */
export interface FilePlace {
  vector_store_id: string
  store_file: number
}

export interface WindowRow {
  number: number
  positions: number[]
  /** 32-bit floats, little-endian. */
  vector: Buffer
}

export async function insertChunks(
  tx: Queryable,
  place: FilePlace,
  chunks: readonly NewChunk[],
): Promise<void> {
  const column = <Value>(read: (chunk: NewChunk) => Value) => chunks.map(read)
  await tx.query({
    name: 'insert_chunks',
    text: `insert into chunks (vector_store_id, store_file, position, text, start_at, end_at, page, last_page, slide,
                               last_slide, heading, terms)
           select $1, $2, * from unnest($3::int[], $4::text[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[],
                                        $10::int[], $11::text[], $12::bytea[])`,
    values: [
      place.vector_store_id,
      place.store_file,
      column((chunk) => chunk.position),
      column((chunk) => chunk.text),
      column((chunk) => chunk.start_at),
      column((chunk) => chunk.end_at),
      column((chunk) => chunk.page),
      column((chunk) => chunk.last_page),
      column((chunk) => chunk.slide),
      column((chunk) => chunk.last_slide),
      column((chunk) => chunk.heading),
      column((chunk) => Buffer.from(chunk.terms.buffer, chunk.terms.byteOffset, chunk.terms.byteLength)),
    ],
  })
}

export async function insertWindows(
  tx: Queryable,
  place: FilePlace,
  windows: readonly WindowRow[],
): Promise<void> {
  await tx.query({
    name: 'insert_windows',
    text: `insert into chunk_windows (vector_store_id, store_file, number, positions, vector)
           select $1, $2, w.number, w.positions::int[], w.vector
           from unnest($3::int[], $4::text[], $5::bytea[]) as w (number, positions, vector)`,
    values: [
      place.vector_store_id,
      place.store_file,
      windows.map(({ number }) => number),
      windows.map(({ positions }) => `{${positions.join(',')}}`),
      windows.map(({ vector }) => vector),
    ],
  })
}

/** Chunks of one file, from a position on. */
export async function chunksOfFile(
  db: Queryable,
  place: FilePlace,
  range: { from: number; limit: number },
): Promise<ChunkRow[]> {
  return db.query<ChunkRow>({
    name: 'chunks_of_file',
    text: `select store_file, position, text, start_at, end_at, page, last_page, slide, last_slide, heading
           from chunks where vector_store_id = $1 and store_file = $2 and position >= $3
           order by position limit $4`,
    values: [place.vector_store_id, place.store_file, range.from, range.limit],
  })
}

/** A chunk with the id, the name and the attributes of its file. */
export interface FoundChunk extends ChunkRow {
  vector_store_id: string
  file_id: string
  filename: string
  attributes: Record<string, string | number | boolean>
}

/** The chunks that still exist, in no particular order. */
export async function findChunks(
  db: Queryable,
  vector_store_id: string,
  keys: readonly { store_file: number; position: number }[],
): Promise<FoundChunk[]> {
  return db.query<FoundChunk>({
    name: 'find_chunks',
    text: `select c.vector_store_id, c.store_file, c.position, c.text, c.start_at, c.end_at, c.page, c.last_page,
                  c.slide, c.last_slide, c.heading, f.file_id, f.attributes, files.filename
           from unnest($2::bigint[], $3::int[]) as wanted (store_file, position)
           join chunks c on c.vector_store_id = $1 and c.store_file = wanted.store_file
                        and c.position = wanted.position
           join vector_store_files f on f.seq = c.store_file
           join files on files.id = f.file_id`,
    values: [vector_store_id, keys.map((key) => key.store_file), keys.map((key) => key.position)],
  })
}

/** Rows of one page. A page keeps the process busy for a few milliseconds. */
const pageSize = 400
/**
 * The largest number of files in one statement. A statement with all files of a large store would compare each row with
 * all of them.
 */
const filesPerPage = 100

export interface PageOfTerms {
  store_file: number
  position: number
  terms: Buffer
}

/** The packed terms of the chunks of some files of a store, in pages, ordered by file and position. */
export async function* pagesOfTerms(
  db: Queryable,
  vector_store_id: string,
  store_files: readonly number[],
): AsyncGenerator<PageOfTerms[]> {
  yield* pages(store_files, ({ file, number, files }) =>
    db.query<PageOfTerms & { number: number }>({
      name: 'page_of_terms',
      text: pageQuery({ table: 'chunks', key: 'position', columns: 'position, position as number, terms' }),
      values: [vector_store_id, file, number, files],
    }),
  )
}

interface ChunkPlace {
  store_file: number
  position: number
}

/** The texts of the chunks that still exist. */
export async function textsOfChunks(
  db: Queryable,
  vector_store_id: string,
  places: readonly ChunkPlace[],
): Promise<(ChunkPlace & { text: string })[]> {
  return db.query({
    name: 'texts_of_chunks',
    text: `select c.store_file, c.position, c.text
           from unnest($2::bigint[], $3::int[]) as wanted (store_file, position)
           join chunks c on c.vector_store_id = $1 and c.store_file = wanted.store_file
                        and c.position = wanted.position`,
    values: [vector_store_id, places.map((one) => one.store_file), places.map((one) => one.position)],
  })
}

/** Stores other terms for chunks. It does not change the version of the store: `releaseSegments` does. */
export async function updateTerms(
  db: Queryable,
  vector_store_id: string,
  rows: readonly PageOfTerms[],
): Promise<void> {
  await db.query({
    name: 'update_terms',
    text: `update chunks c set terms = new.terms
           from unnest($2::bigint[], $3::int[], $4::bytea[]) as new (store_file, position, terms)
           where c.vector_store_id = $1 and c.store_file = new.store_file and c.position = new.position`,
    values: [
      vector_store_id,
      rows.map((row) => row.store_file),
      rows.map((row) => row.position),
      rows.map((row) => row.terms),
    ],
  })
}

/** The windows of some files of a store, in pages, ordered by file and number. */
export async function* pagesOfWindows(
  db: Queryable,
  vector_store_id: string,
  store_files: readonly number[],
): AsyncGenerator<(WindowRow & { store_file: number })[]> {
  yield* pages(store_files, ({ file, number, files }) =>
    db.query<WindowRow & { store_file: number }>({
      name: 'page_of_windows',
      text: pageQuery({ table: 'chunk_windows', key: 'number', columns: 'number, positions, vector' }),
      values: [vector_store_id, file, number, files],
    }),
  )
}

/**
 * One look into the index for each file, in their order, which ends when the page is full. Before version 17,
 * PostgreSQL reads all rows of all files for `store_file = any(...) order by store_file`.
 */
function pageQuery({ table, key, columns }: { table: string; key: string; columns: string }): string {
  return `select wanted.store_file, found.*
          from (select unnest($4::bigint[]) as store_file order by 1) as wanted,
            lateral (select ${columns} from ${table}
                     where vector_store_id = $1 and store_file = wanted.store_file
                       and ${key} > case when wanted.store_file = $2 then $3::int else -1 end
                     order by ${key} limit ${pageSize}) as found
          order by wanted.store_file, found.${key} limit ${pageSize}`
}

/** Reads page after page. `read` returns the first rows of `files` that come after row `number` of `file`. */
async function* pages<Row extends { store_file: number; number: number }>(
  store_files: readonly number[],
  read: (after: { file: number; number: number; files: readonly number[] }) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  const sorted = store_files.toSorted((one, other) => one - other)
  for (let at = 0; at < sorted.length; at += filesPerPage) {
    let files = sorted.slice(at, at + filesPerPage)
    let [file, number] = [0, -1]
    while (files.length > 0) {
      const page = await read({ file, number, files })
      const last = page.at(-1)
      if (last) yield page
      if (!last || page.length < pageSize) break
      ;[file, number] = [last.store_file, last.number]
      files = files.filter((one) => one >= file)
    }
  }
}

/** Whether any file of the store has a vector. Vectors of files that were removed may still be there. */
export async function hasWindows(db: Queryable, vector_store_id: string): Promise<boolean> {
  return hasRow(db, {
    name: 'has_windows',
    text: `select 1 from vector_store_files f
           where vector_store_id = $1 and exists (
             select 1 from chunk_windows w where w.vector_store_id = $1 and w.store_file = f.seq)
           limit 1`,
    values: [vector_store_id],
  })
}

/** Deletes the chunks and windows of some files of a store, which are then read again or stay without. */
export async function removeChunks(
  tx: Queryable,
  vector_store_id: string,
  store_files: readonly number[],
): Promise<void> {
  for (const table of ['chunk_windows', 'chunks']) {
    await tx.query({
      text: `delete from ${table} where vector_store_id = $1 and store_file = any($2)`,
      values: [vector_store_id, store_files],
    })
  }
}
