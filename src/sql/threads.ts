/** Rows of `threads`. */
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import { findRow, insertRow, objectColumns } from './rows.ts'
import { listRows, type Page, type PageQuery } from './pages.ts'

const written = 'id, created_at, metadata, tool_resources'
export const threadColumns = objectColumns('thread', written)

export async function findThread(db: Queryable, project: string, id: string): Promise<Thread | undefined> {
  return findRow<Thread>(db, {
    name: 'find_thread',
    text: `select ${threadColumns} from threads where id = $1 and project = $2`,
    values: [id, project],
  })
}

/**
 * Locks the thread row until the transaction ends. `share` is for adding and deleting messages: they may overlap
 * each other. `exclusive` is for everything that changes the row or its set of runs.
 */
export async function lockThread(
  tx: Queryable,
  project: string,
  id: string,
  strength: 'share' | 'exclusive',
): Promise<Thread | undefined> {
  return findRow<Thread>(tx, {
    name: `lock_thread_${strength}`,
    text: `select ${threadColumns} from threads where id = $1 and project = $2
           for ${strength === 'share' ? 'share' : 'update'}`,
    values: [id, project],
  })
}

/** Locks the threads that give this file to code_interpreter. */
export async function lockThreadsWithFile(
  tx: Queryable,
  project: string,
  file_id: string,
): Promise<Thread[]> {
  return tx.query<Thread>({
    text: `select ${threadColumns} from threads
           where code_interpreter_files(tool_resources) @> array[$2]
             and tool_resources #>> '{code_interpreter,file_ids,0}' is not null and project = $1
           order by seq for update`,
    values: [project, file_id],
  })
}

export async function insertThread(tx: Queryable, project: string, thread: Thread): Promise<void> {
  await insertRow(tx, 'threads', `project, ${written}`, { project, ...thread })
}

export async function updateThread(tx: Queryable, thread: Thread): Promise<void> {
  await tx.query({
    text: 'update threads set metadata = $2, tool_resources = $3 where id = $1',
    values: [thread.id, JSON.stringify(thread.metadata), JSON.stringify(thread.tool_resources)],
  })
}

export async function listThreads(db: Queryable, project: string, page: PageQuery): Promise<Page<Thread>> {
  return listRows(db, { table: 'threads', columns: threadColumns, where: { project }, page })
}

/**
 * Deletes the thread with its messages, runs and steps, and queues the removal of their logs and traces. The rows of
 * runs are deleted right after the row of the thread: this waits for writers of the runs, which then write nothing more.
 * `had_session`: the thread has had a Python session.
 */
export async function deleteThread(tx: Queryable, id: string): Promise<{ had_session: boolean }> {
  const [thread] = await tx.query<{ had_session: boolean }>({
    text: 'delete from threads where id = $1 returning session_worker is not null as had_session',
    values: [id],
  })
  await tx.query({
    text: `with gone as (delete from runs where thread_id = $1 returning id)
           insert into removed_runs (run_id) select id from gone`,
    values: [id],
  })
  await tx.query({ text: 'delete from run_steps where thread_id = $1', values: [id] })
  await tx.query({ text: 'delete from messages where thread_id = $1', values: [id] })
  return { had_session: thread?.had_session ?? false }
}
