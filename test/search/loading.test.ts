import { afterAll, beforeAll, expect, test } from 'vitest'
import { termsVersion } from '../../src/documents/index.ts'
import type { Database, Statement } from '../../src/database/database.ts'
import { vectorSource, wordSource } from '../../src/search/store-sources.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { rowsRead, type Plan } from '../harness/plans.ts'

const files = 2_001
const chunksPerFile = 5
const chunks = files * chunksPerFile

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  await database.db.query({
    text: `insert into chunks (vector_store_id, store_file, position, text, start_at, end_at, terms)
           select 'vs_1', f, p, 'text', 0, 4, '\\x0${termsVersion}656e0102030401'
           from generate_series(1, ${files}) f, generate_series(0, ${chunksPerFile - 1}) p`,
  })
  await database.db.query({
    text: `insert into chunk_windows (vector_store_id, store_file, number, positions, vector)
           select 'vs_1', f, p, array[p], '\\x0000803f'
           from generate_series(1, ${files}) f, generate_series(0, ${chunksPerFile - 1}) p`,
  })
  await database.db.query({ text: 'analyze chunks' })
  await database.db.query({ text: 'analyze chunk_windows' })
})
afterAll(() => database.drop())

/**
 * A database that counts the statements, the rows that PostgreSQL reads to answer them, and the most files that one
 * statement names: with a plan that is not the best one, PostgreSQL compares each row with each of them.
 */
function counted(db: Database) {
  const counts = { statements: 0, rows: 0, files: 0 }
  const query = async <Row extends object>(statement: Statement) => {
    counts.statements += 1
    const named = (statement.values ?? []).filter((value) => Array.isArray(value))
    counts.files = Math.max(counts.files, ...named.map((ids) => ids.length))
    const [explained] = await db.query<{ 'QUERY PLAN': { Plan: Plan }[] }>({
      text: `explain (analyze, format json) ${statement.text}`,
      ...(statement.values && { values: statement.values }),
    })
    for (const { Plan } of explained?.['QUERY PLAN'] ?? []) counts.rows += rowsRead(Plan)
    return db.query<Row>(statement)
  }
  return { counts, db: { ...db, query } satisfies Database }
}

async function countItems(pages: AsyncIterable<unknown[]>): Promise<number> {
  let items = 0
  for await (const page of pages) items += page.length
  return items
}

const all = Array.from({ length: files }, (_, index) => index + 1)

test.each(['terms', 'windows'] as const)(
  'the %s of a store with thousands of files are read once, in pages',
  async (kind) => {
    const { counts, db } = counted(database.db)
    const read = (parts: number[]) =>
      kind === 'terms' ? wordSource(db, 'vs_1').terms(parts) : vectorSource(db, 'vs_1', 1).windows(parts)
    expect(await countItems(read(all))).toBe(chunks)
    expect(counts.rows).toBeLessThan(chunks * 1.2)
    expect(counts.statements).toBeLessThan(chunks / 100)
    expect(counts.files).toBeLessThanOrEqual(100)
  },
)

test.each(['terms', 'windows'] as const)(
  'of a large store only the %s of the files that are asked for are read',
  async (kind) => {
    const { counts, db } = counted(database.db)
    const read = (parts: number[]) =>
      kind === 'terms' ? wordSource(db, 'vs_1').terms(parts) : vectorSource(db, 'vs_1', 1).windows(parts)
    expect(await countItems(read([1, 1000, 2001]))).toBe(3 * chunksPerFile)
    expect(counts).toEqual({ statements: 1, rows: 3 * chunksPerFile, files: 3 })
  },
)
