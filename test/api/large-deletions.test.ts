/** What large objects leave behind is removed in batches, and nobody waits for their deletion. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Queryable } from '../../src/database/database.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories } from '../harness/stories.ts'

/** The largest number of rows of one table that a transaction may delete. */
const batch = 1000

let server: TestServer
beforeAll(async () => {
  server = await testServer()
  await countDeletions(['chunks', 'chunk_windows', 'run_events', 'run_work', 'answers'])
})
afterAll(() => server.close())

const { post, newAssistant, newThread, runToRest, messages } = stories(() => server)
const sql = (text: string, values: unknown[] = []) => server.db.query<any>({ text, values })

/** Counts in the table `deletions` how many rows each statement deletes, by table and transaction. */
async function countDeletions(tables: string[]): Promise<void> {
  await sql('create table deletions (tab text, tx bigint, deleted int)')
  await sql(`create function count_deletions() returns trigger language plpgsql as $$ begin
               insert into deletions select tg_table_name, txid_current(), count(*) from gone; return null;
             end $$`)
  for (const table of tables) {
    await sql(`create trigger counted after delete on ${table} referencing old table as gone
               for each statement execute function count_deletions()`)
  }
}

/** The rows that were deleted from a table, and the most in one transaction. */
async function deleted(table: string): Promise<{ rows: number; most: number }> {
  const [counts] = await sql(
    `select coalesce(sum(rows), 0)::int as rows, coalesce(max(rows), 0)::int as most from (
       select sum(deleted) as rows from deletions where tab = $1 group by tx) as sums`,
    [table],
  )
  return counts
}

/** A store with one file of so many chunks and as many windows. */
async function storeWithChunks(count: number): Promise<{ id: string; file_id: string }> {
  const { id } = await post('/vector_stores', { name: 'large' })
  const file_id = `file-${id.slice(3)}`
  const [file] = await sql(
    `insert into vector_store_files (project, vector_store_id, file_id, created_at, status, chunking_strategy,
                                     attributes, chunk_count, embedded)
     select project, id, $2, 1, 'completed', '{}', '{}', $3, $3 from vector_stores where id = $1 returning seq`,
    [id, file_id, count],
  )
  await sql(
    `insert into chunks (vector_store_id, store_file, position, text, start_at, end_at, terms)
     select $1, $2, p, 'text', 0, 4, '\\x01' from generate_series(1, $3::int) p`,
    [id, file.seq, count],
  )
  await sql(
    `insert into chunk_windows (vector_store_id, store_file, number, positions, vector)
     select $1, $2, p, array[p], '\\x0000803f' from generate_series(1, $3::int) p`,
    [id, file.seq, count],
  )
  return { id, file_id }
}

test.each([
  ['a store is deleted', (store: { id: string }) => server.request('DELETE', `/vector_stores/${store.id}`)],
  [
    'a file is removed from its store',
    (store: { id: string; file_id: string }) =>
      server.request('DELETE', `/vector_stores/${store.id}/files/${store.file_id}`),
  ],
  [
    'a store expires',
    (store: { id: string }) =>
      sql('update vector_stores set expires_at = 1 where id = $1 returning id', [store.id]),
  ],
])('chunks are removed a thousand at a time when %s', async (_, remove) => {
  await sql('delete from deletions')
  const count = 3 * batch + 7
  const other = await storeWithChunks(5)
  await remove(await storeWithChunks(count))
  await eventually(
    async () => (await sql('select 1 from removed_chunks limit 1')).length === 0,
    'the removal',
  )
  await eventually(async () => (await deleted('chunks')).rows === count, 'the end of the removal')
  expect(await deleted('chunks')).toEqual({ rows: count, most: batch })
  expect(await deleted('chunk_windows')).toEqual({ rows: count, most: batch })
  expect(await sql('select 1 from chunks where vector_store_id = $1', [other.id])).toHaveLength(5)
})

test('logs and traces of a deleted thread are removed a thousand rows at a time', async () => {
  server.model.script([{ text: 'Hi' }, { text: 'Hi' }])
  const [assistant, thread] = [await newAssistant(), await newThread('Hello')]
  const run = await runToRest({ assistant, thread })
  const kept = await runToRest({ assistant, thread: await newThread('Hello') })
  await sql(
    `insert into run_events (run_id, first, last, entries)
     select $1, n, n, '[]' from generate_series(1000, 3500) n`,
    [run.id],
  )
  await sql(
    `insert into run_work (id, run_id, started_at, queued_at, body)
     select 'work_' || n, $1, 9999999999999, 0, '{}' from generate_series(1, 2500) n`,
    [run.id],
  )
  await sql('delete from deletions')
  expect((await server.request('DELETE', `/threads/${thread.id}`)).status).toBe(200)
  const left = (id: string) =>
    sql('select 1 from run_events where run_id = $1 union all select 1 from run_work where run_id = $1', [id])
  await eventually(async () => (await left(run.id)).length === 0, 'the removal')
  expect((await deleted('run_events')).most).toBe(batch)
  expect((await deleted('run_work')).most).toBe(batch)
  expect((await left(kept.id)).length).toBeGreaterThan(0)
})

test('answers kept for repeated requests are removed after a day, a thousand at a time', async () => {
  await sql(
    `insert into answers (project, key, path, body_hash, created_at, is_done)
     select 'p', 'key_' || n, '/', '', 1, true from generate_series(1, 2500) n`,
  )
  await eventually(async () => (await deleted('answers')).rows === 2500, 'the removal')
  expect((await deleted('answers')).most).toBe(batch)
})

/** Runs `work` while the deletion of `path` has all its locks and waits for a row that `lock` holds. */
async function whileDeleting(
  path: string,
  lock: (tx: Queryable) => Promise<unknown>,
  work: () => Promise<void>,
): Promise<void> {
  const [locked, release] = [gate(), gate()]
  const holding = server.db.transaction(async (tx) => {
    await lock(tx)
    locked.open()
    await release.promise
  })
  await locked.promise
  const deletion = server.request('DELETE', path)
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await eventually(async () => (await sql(waiting)).length > 0, 'the deletion to wait')
  await work()
  release.open()
  await holding
  expect((await deletion).status).toBe(200)
}

test('nobody waits while a thread with 20,000 messages is deleted', async () => {
  const [assistant, thread, other] = [
    await newAssistant(),
    await newThread('Hello'),
    await newThread('Hello'),
  ]
  await sql(
    `insert into messages (id, project, thread_id, created_at, status, role, content, attachments, metadata)
     select 'msg_' || n, project, id, 1, 'completed', 'user', '[]', '[]', '{}'
     from threads, generate_series(1, 20000) n where id = $1`,
    [thread.id],
  )
  const lock = (tx: Queryable) =>
    tx.query({ text: `select 1 from messages where id = 'msg_20000' for update`, values: [] })
  await whileDeleting(`/threads/${thread.id}`, lock, async () => {
    server.model.script([{ text: 'Hi' }])
    await post(`/threads/${other.id}/messages`, { role: 'user', content: 'More' })
    const run = await runToRest({ assistant, thread: other })
    expect(run.status).toBe('completed')
    expect((await messages(other)).data).toHaveLength(3)
    await post('/threads', {})
  })
  expect((await server.request('GET', `/threads/${thread.id}/messages`)).status).toBe(404)
  expect(await sql('select 1 from messages where thread_id = $1', [thread.id])).toEqual([])
})

test('nobody waits while a store with many chunks is deleted, and it is gone at once', async () => {
  const store = await storeWithChunks(5000)
  const other = await post('/vector_stores', {})
  const lock = (tx: Queryable) =>
    tx.query({
      text: 'select 1 from vector_store_files where vector_store_id = $1 for update',
      values: [store.id],
    })
  await whileDeleting(`/vector_stores/${store.id}`, lock, async () => {
    expect((await server.request('POST', `/vector_stores/${other.id}`, { name: 'renamed' })).status).toBe(200)
    expect((await server.request('GET', `/vector_stores/${store.id}`)).status).toBe(200)
    await post('/vector_stores', {})
  })
  expect((await server.request('GET', `/vector_stores/${store.id}`)).status).toBe(404)
})
