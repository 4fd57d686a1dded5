/** What many statements share: an object as a row, and the first row of an answer. */
import type { Queryable, Statement } from '../database/database.ts'

/** `columns` are keys of `row`; the value of a json column is any value, and an absent key is null. */
export async function insertRow(db: Queryable, table: string, columns: string, row: object): Promise<void> {
  await db.query({
    name: `insert_${table}`,
    text: `insert into ${table} (${columns}) select ${columns} from json_populate_record(null::${table}, $1)`,
    values: [JSON.stringify(row)],
  })
}

/** The first row that the statement returns. */
export async function findRow<Row extends object>(
  db: Queryable,
  statement: Statement,
): Promise<Row | undefined> {
  const [row] = await db.query<Row>(statement)
  return row
}

/** Whether the statement returns any row. */
export async function hasRow(db: Queryable, statement: Statement): Promise<boolean> {
  return (await findRow(db, statement)) !== undefined
}

/** `columns` begin with `id`, and `object` follows it, so that rows are objects with their keys in wire order. */
export function objectColumns(object: string, columns: string): string {
  return columns.replace('id,', `id, '${object}' as object,`)
}
