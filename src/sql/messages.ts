/** Rows of `messages`. */
import type { Message } from '../api/messages.ts'
import type { Queryable } from '../database/database.ts'
import { listRows, type Page, type PageQuery } from './pages.ts'
import { findRow, hasRow, objectColumns } from './rows.ts'

/** All columns but `project` and `seq`. */
export const messageColumns = `id, created_at, assistant_id, thread_id, run_id, status, incomplete_details, incomplete_at,
  completed_at, role, content, attachments, metadata`

const columns = objectColumns('thread.message', messageColumns)

/** Inserts messages in order. */
export async function insertMessages(tx: Queryable, project: string, messages: Message[]): Promise<void> {
  if (messages.length === 0) return
  await tx.query({
    name: 'insert_messages',
    text: `insert into messages (project, ${messageColumns})
           select $1, ${messageColumns} from json_populate_recordset(null::messages, $2)`,
    values: [project, JSON.stringify(messages)],
  })
}

export async function findMessage(
  db: Queryable,
  key: { project: string; thread_id: string; id: string },
): Promise<Message | undefined> {
  return findRow<Message>(db, {
    name: 'find_message',
    text: `select ${columns} from messages where id = $1 and thread_id = $2 and project = $3`,
    values: [key.id, key.thread_id, key.project],
  })
}

export async function updateMessageMetadata(
  db: Queryable,
  key: { project: string; thread_id: string; id: string },
  metadata: object,
): Promise<Message | undefined> {
  return findRow<Message>(db, {
    text: `update messages set metadata = $4 where id = $1 and thread_id = $2 and project = $3 returning ${columns}`,
    values: [key.id, key.thread_id, key.project, JSON.stringify(metadata)],
  })
}

export async function deleteMessage(
  tx: Queryable,
  key: { project: string; thread_id: string; id: string },
): Promise<boolean> {
  return hasRow(tx, {
    text: 'delete from messages where id = $1 and thread_id = $2 and project = $3 returning id',
    values: [key.id, key.thread_id, key.project],
  })
}

export async function listMessages(
  db: Queryable,
  { project, thread_id, run_id }: { project: string; thread_id: string; run_id?: string | undefined },
  page: PageQuery,
): Promise<Page<Message>> {
  const where = { thread_id, project, run_id }
  return listRows(db, { table: 'messages', columns, where, page })
}

export interface ThreadMessage extends Message {
  seq: number
}

/** The newest `limit` messages of a thread before `beforeSeq`, oldest first. */
export async function newestMessages(
  db: Queryable,
  thread_id: string,
  options: { limit: number; beforeSeq?: number },
): Promise<ThreadMessage[]> {
  const rows = await db.query<ThreadMessage>({
    name: 'newest_messages',
    text: `select seq, ${columns} from messages where thread_id = $1 and seq < coalesce($2, 9223372036854775807)
           order by seq desc limit $3`,
    values: [thread_id, options.beforeSeq ?? null, options.limit],
  })
  return rows.toReversed()
}

/** The first `limit` messages of a thread after `seq`, oldest first. */
export async function messagesAfter(
  db: Queryable,
  thread_id: string,
  options: { seq: number; limit: number },
): Promise<ThreadMessage[]> {
  return db.query<ThreadMessage>({
    text: `select seq, ${columns} from messages where thread_id = $1 and seq > $2 order by seq limit $3`,
    values: [thread_id, options.seq, options.limit],
  })
}

/** Whether the thread has a user message, which a run can answer. */
export async function hasUserMessage(db: Queryable, thread_id: string): Promise<boolean> {
  return hasRow(db, {
    text: `select 1 from messages where thread_id = $1 and role = 'user' limit 1`,
    values: [thread_id],
  })
}

/** Messages of a run that are in progress. */
export async function openMessages(db: Queryable, run_id: string): Promise<Message[]> {
  return db.query<Message>({
    text: `select ${columns} from messages
           where run_id = $1 and status = 'in_progress'
             and thread_id = (select thread_id from runs where id = $1)`,
    values: [run_id],
  })
}
