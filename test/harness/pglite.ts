/** A PostgreSQL inside the test's own process that has the pgvector extension, which the server's own does not bring. */
import { PGlite, types, type Transaction } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import type { Database, Queryable, Statement } from '../../src/database/database.ts'

/** Takes statements only: nothing listens here, and there is one connection. */
export async function pgliteDatabase(): Promise<Database> {
  const lite = await PGlite.create({ extensions: { vector } })
  const parsers = { [types.INT8]: Number }
  const run = async <Row extends object>(on: PGlite | Transaction, { text, values }: Statement) =>
    (await on.query<Row>(text, values, { parsers })).rows
  return {
    query: (statement) => run(lite, statement),
    transaction: <Result>(work: (tx: Queryable) => Promise<Result>) =>
      lite.transaction((tx) => work({ query: (statement) => run(tx, statement) })),
    listen: () => Promise.reject(new Error('nothing can be listened to here')),
    dedicated: () => Promise.reject(new Error('there is one connection only')),
    close: () => lite.close(),
  }
}
