/** Statements of exports: rows in full, page by page. */
import type { Queryable } from '../database/database.ts'
import { storedAssistant, type AssistantRow, type StoredAssistant } from './assistants.ts'
import { fileColumns, type FileRow } from './files.ts'
import { runColumns, type RunRow } from './runs.ts'

/** Below and above every number of a row. */
export const beforeAll = Number.MIN_SAFE_INTEGER
export const afterAll = Number.MAX_SAFE_INTEGER

export interface SeqPage {
  /** Of the last row of the page before; `afterAll` for the first page. */
  seq: number
  limit: number
}

/** Newest first. */
export async function assistantsBefore(
  db: Queryable,
  project: string,
  { seq, limit }: SeqPage,
): Promise<(StoredAssistant & { seq: number })[]> {
  const rows = await db.query<AssistantRow & { seq: number }>({
    text: 'select seq, id, created_at, body from assistants where project = $1 and seq < $2 order by seq desc limit $3',
    values: [project, seq, limit],
  })
  return rows.map((row) => ({ ...storedAssistant(row), seq: row.seq }))
}

/** Newest first. */
export async function filesBefore(
  db: Queryable,
  project: string,
  { seq, limit }: SeqPage,
): Promise<(FileRow & { seq: number })[]> {
  return db.query<FileRow & { seq: number }>({
    text: `select seq, ${fileColumns} from files where project = $1 and seq < $2 order by seq desc limit $3`,
    values: [project, seq, limit],
  })
}

/** Oldest first. */
export async function runsOfThread(db: Queryable, thread_id: string): Promise<RunRow[]> {
  return db.query<RunRow>({
    name: 'runs_of_thread',
    text: `select ${runColumns} from runs where thread_id = $1 order by seq`,
    values: [thread_id],
  })
}

/** Those of the ids that are files of the project, oldest first. */
export async function filesById(db: Queryable, project: string, ids: readonly string[]): Promise<FileRow[]> {
  return db.query<FileRow>({
    name: 'files_by_id',
    text: `select ${fileColumns} from files where project = $1 and id = any($2) order by seq`,
    values: [project, ids],
  })
}
