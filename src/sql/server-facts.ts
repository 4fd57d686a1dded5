/** Facts about the whole server that the database knows. */
import type { Queryable } from '../database/database.ts'

export interface ServerFacts {
  version: string
  bytes: number
  file_bytes: number
  /** Of one project. */
  objects: Record<string, number>
}

const counted = ['assistants', 'threads', 'runs', 'files', 'vector_stores'] as const

export async function findServerFacts(db: Queryable, project: string): Promise<ServerFacts> {
  const counts = counted.map((table) => `'${table}', (select count(*) from ${table} where project = $1)`)
  const [row] = await db.query<ServerFacts>({
    text: `select current_setting('server_version') as version, pg_database_size(current_database()) as bytes,
             (select coalesce(sum(bytes), 0)::bigint from blobs) as file_bytes,
             json_build_object(${counts.join(', ')}) as objects`,
    values: [project],
  })
  if (!row) throw new Error('expected the database to answer')
  return row
}

/** The model names that most assistants use, of one project or of all. */
export async function modelsInUse(
  db: Queryable,
  project: string | null,
): Promise<{ model: string; assistants: number }[]> {
  const rows = await db.query<{ model: string; assistants: number }>({
    text: `select (body -> 'model')::text as model, count(*)::int as assistants from assistants
           where $1::text is null or project = $1 group by 1 order by 2 desc, 1 limit 200`,
    values: [project],
  })
  return rows.map(({ model, assistants }) => ({ model: JSON.parse(model) as string, assistants }))
}
