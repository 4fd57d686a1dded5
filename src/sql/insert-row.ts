/** Inserts an object as a row. */
import type { Queryable } from '../database/database.ts'

/** `columns` are keys of `row`; the value of a json column is any value, and an absent key is null. */
export async function insertRow(db: Queryable, table: string, columns: string, row: object): Promise<void> {
  await db.query({
    name: `insert_${table}`,
    text: `insert into ${table} (${columns}) select ${columns} from json_populate_record(null::${table}, $1)`,
    values: [JSON.stringify(row)],
  })
}
