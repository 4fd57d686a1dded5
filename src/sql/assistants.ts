/** Rows of `assistants`. */
import type { Assistant } from '../api/assistants.ts'
import type { Queryable } from '../database/database.ts'
import { hasRow, insertRow } from './rows.ts'
import { listRows, mapPage, type Page, type PageQuery } from './pages.ts'

/** An assistant as stored: `temperature` and `top_p` are null where they were not set, and then not sent to the model. */
export type StoredAssistant = Omit<Assistant, 'temperature' | 'top_p'> & {
  temperature: number | null
  top_p: number | null
}

/** The fields of an assistant except `id`, `object` and `created_at`; the order of keys is the order on the wire. */
export type AssistantBody = Omit<StoredAssistant, 'id' | 'object' | 'created_at'>

/** `version` changes with every change of the row. */
export interface VersionedAssistant {
  assistant: StoredAssistant
  version: string
}

export interface AssistantRow {
  id: string
  created_at: number
  body: AssistantBody
}

export function storedAssistant(row: AssistantRow): StoredAssistant {
  return { id: row.id, object: 'assistant', created_at: row.created_at, ...row.body }
}

/** The wire object. */
export function shownAssistant(stored: StoredAssistant): Assistant {
  return { ...stored, temperature: stored.temperature ?? 1, top_p: stored.top_p ?? 1 }
}

export async function insertAssistant(
  db: Queryable,
  row: AssistantRow & { project: string },
): Promise<Assistant> {
  await insertRow(db, 'assistants', 'id, project, created_at, body', row)
  return shownAssistant(storedAssistant(row))
}

export async function findAssistant(
  db: Queryable,
  project: string,
  id: string,
): Promise<Assistant | undefined> {
  const found = await findStoredAssistant(db, project, id)
  return found && shownAssistant(found.assistant)
}

export async function findStoredAssistant(
  db: Queryable,
  project: string,
  id: string,
): Promise<VersionedAssistant | undefined> {
  const [row] = await db.query<AssistantRow & { version: string }>({
    name: 'find_assistant',
    text: 'select id, created_at, body, xmin::text as version from assistants where id = $1 and project = $2',
    values: [id, project],
  })
  return row && { assistant: storedAssistant(row), version: row.version }
}

/** Locks the row until the transaction ends. */
export async function lockAssistant(
  tx: Queryable,
  project: string,
  id: string,
): Promise<StoredAssistant | undefined> {
  const [row] = await tx.query<AssistantRow>({
    text: 'select id, created_at, body from assistants where id = $1 and project = $2 for update',
    values: [id, project],
  })
  return row && storedAssistant(row)
}

/** Locks the assistants that give this file to code_interpreter. */
export async function lockAssistantsWithFile(
  tx: Queryable,
  project: string,
  file_id: string,
): Promise<StoredAssistant[]> {
  const rows = await tx.query<AssistantRow>({
    text: `select id, created_at, body from assistants
           where code_interpreter_files(body -> 'tool_resources') @> array[$2]
             and body #>> '{tool_resources,code_interpreter,file_ids,0}' is not null and project = $1
           order by seq for update`,
    values: [project, file_id],
  })
  return rows.map(storedAssistant)
}

export async function updateAssistant(tx: Queryable, id: string, body: AssistantBody): Promise<void> {
  await tx.query({
    text: 'update assistants set body = $2 where id = $1',
    values: [id, JSON.stringify(body)],
  })
}

export async function deleteAssistant(db: Queryable, project: string, id: string): Promise<boolean> {
  return hasRow(db, {
    text: 'delete from assistants where id = $1 and project = $2 returning id',
    values: [id, project],
  })
}

export async function listAssistants(
  db: Queryable,
  project: string,
  page: PageQuery,
): Promise<Page<Assistant>> {
  const rows = await listRows<AssistantRow>(db, {
    table: 'assistants',
    columns: 'id, created_at, body',
    where: { project },
    page,
    searched: { column: "(body -> 'name')::text", isJson: true },
  })
  return mapPage(rows, (row) => shownAssistant(storedAssistant(row)))
}
