/** Finds the ids of the parents of any object by its own id. */
import type { Queryable } from '../database/database.ts'
import { findRow } from './rows.ts'

export interface Located {
  id: string
  thread_id: string | null
  run_id: string | null
}

const places = {
  assistant: { table: 'assistants', columns: 'id, null as thread_id, null as run_id' },
  thread: { table: 'threads', columns: 'id, id as thread_id, null as run_id' },
  message: { table: 'messages', columns: 'id, thread_id, run_id' },
  run: { table: 'runs', columns: 'id, thread_id, id as run_id' },
  step: { table: 'run_steps', columns: 'id, thread_id, run_id' },
  file: { table: 'files', columns: 'id, null as thread_id, null as run_id' },
  vector_store: { table: 'vector_stores', columns: 'id, null as thread_id, null as run_id' },
} as const

export type LocatedKind = keyof typeof places

export const locatedKinds = Object.keys(places) as LocatedKind[]

export async function locate(
  db: Queryable,
  { kind, project, id }: { kind: LocatedKind; project: string; id: string },
): Promise<Located | undefined> {
  const { table, columns } = places[kind]
  return findRow<Located>(db, {
    text: `select ${columns} from ${table} where id = $1 and project = $2`,
    values: [id, project],
  })
}
