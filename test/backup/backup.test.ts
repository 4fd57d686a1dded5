/** A backup that is taken while the server works, and what is restored from it. */
import {
  createReadStream,
  createWriteStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { writeBackup } from '../../src/backup/write-backup.ts'
import { openDiskBlobStore } from '../../src/blobs/disk.ts'
import type { BlobStore } from '../../src/blobs/port.ts'
import type { Database } from '../../src/database/database.ts'
import { migrate, newestMigration } from '../../src/database/migrate.ts'
import { collectBlobs } from '../../src/domain/blobs.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { stories, weatherTool } from '../harness/stories.ts'

const migrations = resolve(import.meta.dirname, '../../src/database/migrations')

let server: TestServer
let folder: string
let archive: string
beforeEach(async () => {
  server = await testServer()
  folder = mkdtempSync(join(tmpdir(), 'spool-backup-test-'))
  archive = join(folder, 'backup.tar.gz')
})
afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const { post, runToRest, newThread, waitingRun } = stories(() => server)

const sourceBlobs = () => openDiskBlobStore({ type: 'disk', folder: join(server.dataDir, 'blobs') })

async function backUp(db: Database = server.db): Promise<void> {
  const blobs = await sourceBlobs()
  await writeBackup(createWriteStream(archive), {
    db,
    blobs,
    version: '1.2.3',
    createdAt: '2026-11-28T00:00:00Z',
  })
  await blobs.close()
}

interface Target extends TestDatabase {
  blobs: BlobStore
  restore(path?: string): Promise<unknown>
}

/** An empty database and an empty blob store. */
async function emptyTarget(): Promise<Target> {
  const database = await testDatabase({ from: 'empty' })
  const blobs = await openDiskBlobStore(
    { type: 'disk', folder: join(folder, 'restored-blobs') },
    { minFreeBytes: 0 },
  )
  return {
    ...database,
    blobs,
    restore: (path = archive) =>
      restoreBackup(createReadStream(path), {
        blobs,
        newestMigration: newestMigration(migrations),
        openDatabase: async (migration) => {
          await migrate(database.db, migrations, migration)
          return database.db
        },
      }),
  }
}

const upload = (text: string, name = 'a.txt') =>
  server.openai.files.create({ file: new File([text], name), purpose: 'assistants' })

async function makeObjects(): Promise<void> {
  const file = await upload('The heron waits in shallow water. '.repeat(50))
  const store = await post('/vector_stores', { file_ids: [file.id], name: 'birds' })
  await post('/assistants', { model: 'gpt-4o', metadata: { quote: '"\\u0000 „…“ 😀' }, name: 'Ü' })
  server.model.script([{ text: ['Hel', 'lo'] }])
  const thread = await newThread('Hello')
  const assistant = await post('/assistants', { model: 'gpt-4o' })
  await runToRest({ assistant, thread })
  await waitingRun([{ name: 'get_weather', arguments: '{"city":"Rome"}' }], [weatherTool])
  await expect
    .poll(async () => (await server.openai.vectorStores.retrieve(store.id)).status)
    .toBe('completed')
}

const rowsOf = async ({ db }: Pick<TestDatabase, 'db'>, table: string) =>
  (await db.query<{ line: string }>({ text: `select row_to_json(t)::text as line from ${table} t` }))
    .map(({ line }) => line)
    .toSorted()

const tables = [
  'assistants',
  'threads',
  'messages',
  'runs',
  'run_steps',
  'run_events',
  'files',
  'uploads',
  'upload_parts',
  'vector_stores',
  'vector_store_files',
  'file_batches',
  'file_batch_files',
  'chunks',
  'chunk_windows',
  'index_segments',
  'index_pages',
]

test('every row and every content is restored, and new objects come after them', async () => {
  await makeObjects()
  await backUp()
  const target = await emptyTarget()
  await target.restore()
  for (const table of tables) expect(await rowsOf(target, table), table).toEqual(await rowsOf(server, table))
  const files = await server.db.query<{ sha256: string }>({ text: 'select sha256 from files' })
  expect(files.length).toBeGreaterThan(0)
  for (const { sha256 } of files)
    expect(await bytesOf(target.blobs, sha256)).toEqual(await bytesOf(await sourceBlobs(), sha256))
  const [row] = await target.db.query<{ after: boolean }>({
    text: `select nextval('thread_items') > (select max(seq) from messages) as after`,
  })
  expect(row).toEqual({ after: true })
  await target.drop()
})

test('a server on the restored database goes on where the backup was taken', async () => {
  const { run, path } = await waitingRun([{ name: 'get_weather', arguments: '{}' }], [weatherTool])
  await backUp()
  const target = await emptyTarget()
  await target.restore()
  const blobs = { type: 'disk' as const, folder: join(folder, 'restored-blobs') }
  const other = await server.sibling({ databaseUrl: target.url, blobs })
  const retrieved = await other.openai.beta.threads.runs.retrieve(run.id, { thread_id: run.thread_id })
  expect(retrieved.status).toBe('requires_action')
  server.model.script([{ text: 'Warm.' }])
  const [call] = retrieved.required_action?.submit_tool_outputs.tool_calls ?? []
  const done = await other.openai.beta.threads.runs.submitToolOutputsAndPoll(run.id, {
    thread_id: run.thread_id,
    tool_outputs: [{ tool_call_id: call?.id ?? '', output: '20' }],
  })
  expect(done.status).toBe('completed')
  expect((await server.request('GET', path)).body.status).toBe('requires_action')
  await other.close()
  await target.drop()
})

test('while writers are at work, a backup is of one moment and has every row that they do not touch', async () => {
  await makeObjects()
  const untouched = await Promise.all(tables.map((table) => rowsOf(server, table)))
  const earlier = await server.db.query<{ id: string }>({ text: 'select id from threads' })
  let isDone = false
  const write = async () => {
    while (!isDone) {
      const thread = await newThread('one', 'two')
      await upload(thread.id)
      await server.request('DELETE', `/threads/${thread.id}`)
      await newThread('three', 'four')
    }
  }
  const writers = [write(), write(), write()]
  await expect.poll(async () => (await rowsOf(server, 'threads')).length).toBeGreaterThan(8)
  await backUp()
  isDone = true
  await Promise.all(writers)
  const target = await emptyTarget()
  await target.restore()
  for (const [index, table] of tables.entries()) {
    const restored = new Set(await rowsOf(target, table))
    expect(
      untouched[index]?.filter((row) => !restored.has(row)),
      table,
    ).toEqual([])
  }
  const torn = await target.db.query({
    text: `select t.id from threads t left join messages m on m.thread_id = t.id
           where t.id <> all($1) group by t.id having count(m.id) <> 2
           union all select id from messages where thread_id not in (select id from threads)`,
    values: [earlier.map(({ id }) => id)],
  })
  expect(torn).toEqual([])
  const files = await target.db.query<{ sha256: string; bytes: number }>({
    text: 'select sha256, bytes from files',
  })
  for (const { sha256, bytes } of files) expect((await bytesOf(target.blobs, sha256)).length).toBe(bytes)
  await target.drop()
})

test('contents that a backup needs are not collected before its end', async () => {
  const file = await upload('soon gone')
  const blobs = await sourceBlobs()
  let sha256 = ''
  let collected = -1
  await writeBackup(createWriteStream(archive), {
    db: server.db,
    blobs: {
      ...blobs,
      get: async (hash) => {
        sha256 = hash
        await server.openai.files.delete(file.id)
        server.clock.advance(7200)
        collected = await collectBlobs({ db: server.db, blobs, clock: server.clock } as never)
        return blobs.get(hash)
      },
    },
    version: '1.2.3',
    createdAt: '2026-11-28T00:00:00Z',
  })
  expect(collected).toBe(0)
  expect(await collectBlobs({ db: server.db, blobs, clock: server.clock } as never)).toBe(1)
  const target = await emptyTarget()
  await target.restore()
  expect((await bytesOf(target.blobs, sha256)).toString()).toBe('soon gone')
  await target.drop()
})

test.for<[string, (bytes: Buffer) => Buffer, RegExp]>([
  ['cut', (bytes) => bytes.subarray(0, bytes.length - 600), /damaged or incomplete/],
  [
    'without its manifest',
    (bytes) => gzipSync(endBefore(gunzipSync(bytes), 'manifest.json')),
    /manifest is missing/,
  ],
  [
    'with a changed row',
    (bytes) =>
      gzipSync(Buffer.from(gunzipSync(bytes).toString('latin1').replace('birds', 'words'), 'latin1')),
    /missing or damaged/,
  ],
  [
    'with a changed content',
    (bytes) =>
      gzipSync(Buffer.from(gunzipSync(bytes).toString('latin1').replace('heron', 'stork'), 'latin1')),
    /The content [0-9a-f]{64} is damaged/,
  ],
  [
    'without a content',
    (bytes) => gzipSync(withoutBlob(gunzipSync(bytes))),
    /rows and 1 contents, and has \d+ and 0/,
  ],
  ['of another program', () => gzipSync(Buffer.from('hello')), /not a backup|damaged/],
  ['that is not zipped', () => Buffer.from('hello'), /damaged or incomplete/],
])('an archive %s is refused, and the database stays empty', async ([, change, message]) => {
  await post('/assistants', { model: 'gpt-4o', name: 'birds' })
  await upload('The heron waits.')
  await backUp()
  const changed = join(folder, 'changed.tar.gz')
  writeFileSync(changed, change(readFileSync(archive)))
  const target = await emptyTarget()
  await expect(target.restore(changed)).rejects.toThrow(message)
  const [row] = await target.db.query<{ name: string | null }>({
    text: `select to_regclass('assistants')::text as name`,
  })
  if (row?.name) expect(await rowsOf(target, 'assistants')).toEqual([])
  await target.drop()
})

test('a backup of a newer schema and a database with objects are refused', async () => {
  await post('/assistants', { model: 'gpt-4o' })
  await server.db.query({
    text: `insert into schema_migrations (number, name, checksum) values (9999, '9999-later.sql', '')`,
  })
  await backUp()
  await server.db.query({ text: 'delete from schema_migrations where number = 9999' })
  const target = await emptyTarget()
  await expect(target.restore()).rejects.toThrow(/migration 9999; this version knows \d+/)
  await backUp()
  await target.restore()
  await expect(target.restore()).rejects.toThrow('The database is not empty: it has assistants.')
  await target.drop()
})

async function bytesOf(blobs: BlobStore, sha256: string): Promise<Buffer> {
  const content = await blobs.get(sha256)
  if (!content) throw new Error(`no content ${sha256}`)
  return Buffer.concat(await content.toArray())
}

function endBefore(tar: Buffer, name: string): Buffer {
  return Buffer.concat([tar.subarray(0, tar.lastIndexOf(Buffer.from(`${name}\0`))), Buffer.alloc(1024)])
}

/** The archive without its first content: an entry has a header of 512 bytes and the bytes in blocks of 512. */
function withoutBlob(tar: Buffer): Buffer {
  const at = tar.indexOf(Buffer.from('blobs/'))
  const bytes = Number.parseInt(tar.subarray(at + 124, at + 136).toString('latin1'), 8)
  return Buffer.concat([tar.subarray(0, at), tar.subarray(at + 512 + Math.ceil(bytes / 512) * 512)])
}

test('a database without tables is refused with a sentence', async () => {
  const target = await emptyTarget()
  await expect(backUp(target.db)).rejects.toThrow('The database has no tables: no server has used it.')
  await target.drop()
})
