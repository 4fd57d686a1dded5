/** Statements of imports: they insert many rows at once, and skip rows that exist. */
import type { Queryable } from '../database/database.ts'
import { messageColumns } from './messages.ts'
import { stepColumns } from './run-steps.ts'

const columns = {
  assistants: 'id, created_at, body',
  files: 'id, created_at, expires_at, purpose, filename, bytes',
  vector_stores: `id, created_at, name, description, expires_after, expires_at, last_active_at, metadata, embedder,
    is_expired`,
  threads: 'id, created_at, metadata, tool_resources',
  runs: `id, created_at, thread_id, assistant_id, status, started_at, expires_at, cancelled_at, failed_at,
    completed_at, last_error, incomplete_details, usage, metadata, settings, trace, has_log`,
  messages: messageColumns,
  run_steps: stepColumns,
}
export type ImportTable = keyof typeof columns

/** The sequence that orders the rows of a table, as an SQL expression. */
function sequenceOf(table: ImportTable): string {
  const isItem = table === 'messages' || table === 'run_steps'
  return isItem ? `'thread_items'` : `pg_get_serial_sequence('${table}', 'seq')`
}

/**
 * Inserts those rows of a JSON array whose ids do not exist yet, in order; returns their ids. With `newestFirst` each row
 * gets a negative `seq`, so that it comes before all other rows of the table.
 */
export async function importRows(
  tx: Queryable,
  table: ImportTable,
  insert: { project: string; rows: string; newestFirst: boolean },
): Promise<Set<string>> {
  const names = columns[table]
  const sign = insert.newestFirst ? '-' : ''
  const rows = await tx.query<{ id: string }>({
    name: `import_${table}${insert.newestFirst ? '_newest_first' : ''}`,
    text: `insert into ${table} (project, seq, ${names}) overriding system value
           select $1, ${sign}nextval(${sequenceOf(table)}), ${names} from json_populate_recordset(null::${table}, $2)
           on conflict (id) do nothing returning id`,
    values: [insert.project, insert.rows],
  })
  return new Set(rows.map((row) => row.id))
}

/** The projects of the objects that exist, by id. */
export async function projectsOf(
  db: Queryable,
  table: ImportTable,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const rows = await db.query<{ id: string; project: string }>({
    name: `projects_of_${table}`,
    text: `select id, project from ${table} where id = any($1)`,
    values: [ids],
  })
  return new Map(rows.map((row) => [row.id, row.project]))
}

/** The threads of the runs that exist in the project, by id of the run. */
export async function threadsOfRuns(
  db: Queryable,
  project: string,
  run_ids: readonly string[],
): Promise<Map<string, string>> {
  const rows = await db.query<{ id: string; thread_id: string }>({
    name: 'threads_of_runs',
    text: 'select id, thread_id from runs where id = any($2) and project = $1',
    values: [project, run_ids],
  })
  return new Map(rows.map((row) => [row.id, row.thread_id]))
}

/**
 * Adds files to vector stores of the project. A file with content or text waits for ingest; one without is `failed` with
 * `reason`. Returns the entries that exist afterwards; for the others the store or the file does not exist.
 */
export async function importStoreFiles(
  tx: Queryable,
  insert: { project: string; rows: string; reason: string },
): Promise<{ vector_store_id: string; file_id: string; is_new: boolean }[]> {
  return tx.query({
    text: `with input as (
             select i.* from json_populate_recordset(null::vector_store_files, $2) with ordinality i
           ), inserted as (
             insert into vector_store_files (project, vector_store_id, file_id, created_at, status, last_error,
                                             chunking_strategy, attributes)
             select $1, i.vector_store_id, i.file_id, i.created_at,
                    case when coalesce(f.sha256, f.text_sha256) is null then 'failed'
                         when i.status = 'completed' then 'in_progress' else i.status end,
                    case when coalesce(f.sha256, f.text_sha256) is null
                         then json_build_object('code', 'invalid_file', 'message', $3::text)
                         else i.last_error end,
                    i.chunking_strategy, i.attributes
             from input i join files f on f.id = i.file_id and f.project = $1
                          join vector_stores s on s.id = i.vector_store_id and s.project = $1
             order by i.ordinality
             on conflict (vector_store_id, file_id) do nothing
             returning vector_store_id, file_id
           )
           select vector_store_id, file_id, true as is_new from inserted
           union all
           select f.vector_store_id, f.file_id, false from vector_store_files f
           join input i on i.vector_store_id = f.vector_store_id and i.file_id = f.file_id where f.project = $1`,
    values: [insert.project, insert.rows, insert.reason],
  })
}

/** Those of the pairs of vector store and file that exist as entries, each as `vector_store_id file_id`. */
export async function keysOfStoreFiles(
  db: Queryable,
  project: string,
  pairs: readonly { vector_store_id: string; file_id: string }[],
): Promise<string[]> {
  const rows = await db.query<{ key: string }>({
    text: `select f.vector_store_id || ' ' || f.file_id as key
           from unnest($2::text[], $3::text[]) as p (vector_store_id, file_id)
           join vector_store_files f using (vector_store_id, file_id) where f.project = $1`,
    values: [project, pairs.map((pair) => pair.vector_store_id), pairs.map((pair) => pair.file_id)],
  })
  return rows.map(({ key }) => key)
}

export interface MissingContent {
  id: string
  filename: string
  bytes: number
  /** See `FileRow`. */
  text_sha256: string | null
}

/** Files of the project without content whose ids follow `after`, in the order of their ids. */
export async function filesWithoutContent(
  db: Queryable,
  project: string,
  page: { after: string; limit: number },
): Promise<MissingContent[]> {
  return db.query<MissingContent>({
    text: `select id, filename, bytes, text_sha256 from files
           where project = $1 and sha256 is null and id > $2 order by id limit $3`,
    values: [project, page.after, page.limit],
  })
}

/** Files of the project that have one of these sizes, in any order. */
export async function filesOfSizes(
  db: Queryable,
  project: string,
  sizes: readonly number[],
): Promise<MissingContent[]> {
  return db.query<MissingContent>({
    text: 'select id, filename, bytes, text_sha256 from files where project = $1 and bytes = any($2::bigint[])',
    values: [project, sizes],
  })
}

/**
 * Sets the content of a file. Vector stores that failed with `reason`, because it was missing, start to read it; those
 * that have read the text of the file keep that.
 */
export async function addContent(
  tx: Queryable,
  file: { id: string; sha256: string; image_type: string | null },
  reason: string,
): Promise<void> {
  await tx.query({
    text: `update files set sha256 = $2, image_type = $3, text_sha256 = null where id = $1 and sha256 is null`,
    values: [file.id, file.sha256, file.image_type],
  })
  await retryStoreFiles(tx, file.id, reason)
}

/** Sets the text of a file without content. Vector stores that failed with `reason` start to read it. */
export async function addText(
  tx: Queryable,
  file: { id: string; sha256: string },
  reason: string,
): Promise<void> {
  await tx.query({
    text: 'update files set text_sha256 = $2 where id = $1 and sha256 is null',
    values: [file.id, file.sha256],
  })
  await retryStoreFiles(tx, file.id, reason)
}

async function retryStoreFiles(tx: Queryable, file_id: string, reason: string): Promise<void> {
  await tx.query({
    text: `update vector_store_files set status = 'in_progress', last_error = null, attempt = attempt + 1
           where file_id = $1 and status = 'failed' and last_error ->> 'message' = $2`,
    values: [file_id, reason],
  })
}

/**
 * The threads that may need another order: their rows are not in the order of their times, some row has a negative
 * `seq`, or they have steps.
 */
export async function threadsToOrder(
  db: Queryable,
  project: string,
  thread_ids: readonly string[],
): Promise<string[]> {
  const rows = await db.query<{ thread_id: string }>({
    name: 'threads_to_order',
    text: `select t.id as thread_id from threads t where t.id = any($2) and t.project = $1 and (
             exists (select 1 from run_steps s where s.thread_id = t.id)
             or exists (select 1 from (
                  select seq, created_at, lag(created_at) over (order by seq) as before
                  from messages where thread_id = t.id) m where m.seq < 0 or m.created_at < m.before)
             or exists (select 1 from (
                  select seq, created_at, lag(created_at) over (order by seq) as before
                  from runs where thread_id = t.id) r where r.seq < 0 or r.created_at < r.before))`,
    values: [project, thread_ids],
  })
  return rows.map((row) => row.thread_id)
}

export interface OrderedItem {
  id: string
  seq: number
  created_at: number
  run_id: string | null
  /** For a step that created a message. */
  message_id: string | null
}

/** All messages and steps of a thread in the order of `seq`. A step has a run; a message may have one. */
export async function itemsOfThread(
  db: Queryable,
  thread_id: string,
): Promise<{ messages: OrderedItem[]; steps: OrderedItem[]; runs: OrderedItem[] }> {
  const values = [thread_id]
  const [messages, steps, runs] = await Promise.all([
    db.query<OrderedItem>({
      name: 'messages_to_order',
      text: `select id, seq, created_at, run_id, null as message_id from messages where thread_id = $1 order by seq`,
      values,
    }),
    db.query<OrderedItem>({
      name: 'steps_to_order',
      text: `select id, seq, created_at, run_id, step_details #>> '{message_creation,message_id}' as message_id
             from run_steps where thread_id = $1 order by seq`,
      values,
    }),
    db.query<OrderedItem>({
      name: 'runs_to_order',
      text: `select id, seq, created_at, id as run_id, null as message_id from runs where thread_id = $1 order by seq`,
      values,
    }),
  ])
  return { messages, steps, runs }
}

/** Gives messages and steps new numbers in the order of the ids. The thread is locked. */
export async function renumberItems(tx: Queryable, ids: readonly string[]): Promise<void> {
  const numbers = await tx.query<{ seq: number }>({
    text: `select nextval('thread_items') as seq from generate_series(1, $1::int) order by seq`,
    values: [ids.length],
  })
  const values = [ids, numbers.map((row) => row.seq)]
  for (const table of ['messages', 'run_steps']) {
    await tx.query({
      text: `update ${table} t set seq = n.seq from unnest($1::text[], $2::bigint[]) as n (id, seq) where t.id = n.id`,
      values,
    })
  }
}

/** Gives runs new numbers in the order of the ids. The thread is locked. */
export async function renumberRuns(tx: Queryable, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await tx.query({
      name: 'renumber_run',
      text: 'update runs set seq = default where id = $1',
      values: [id],
    })
  }
}
