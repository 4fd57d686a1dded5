/** An export, imported into an empty database, gives the same rows. */
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { Assistant } from '../../src/api/assistants.ts'
import { Message } from '../../src/api/messages.ts'
import { RunStep } from '../../src/api/run-steps.ts'
import { Run } from '../../src/api/runs.ts'
import { Thread } from '../../src/api/threads.ts'
import { openBlobStore } from '../../src/blobs/open.ts'
import type { BlobStore } from '../../src/blobs/port.ts'
import type { Database } from '../../src/database/database.ts'
import { exportObjects, type ExportOptions } from '../../src/transfer/export.ts'
import { importObjects } from '../../src/transfer/import.ts'
import { arbitraryOf } from '../fuzz/arbitrary-of.ts'
import { testClock } from '../harness/clock.ts'
import { testDatabase } from '../harness/database.ts'
import type { TestServer } from '../harness/server.ts'
import { busyServer } from './busy-server.ts'
import { assistant, file, importInto, makeFolder, message, thread, type Folder } from './fixtures.ts'

let folder: Folder
let blobs: BlobStore
beforeEach(async () => {
  folder = makeFolder()
  blobs = await openBlobStore({ type: 'disk', folder: join(folder.path, 'blobs') }, { minFreeBytes: 0 })
})
afterEach(async () => {
  await blobs.close()
  folder.remove()
})

async function importFrom(db: Database, path: string) {
  const report = await importObjects(
    { db, blobs, clock: testClock(), embedder: 'test/2' },
    {
      path,
      project: 'default',
      dryRun: false,
      maxUnpackedBytes: 1_000_000,
      signal: new AbortController().signal,
    },
  )
  expect(report.skipped).toEqual([])
  expect(report.dropped_fields).toEqual({})
  return report
}

async function exportTo(db: Database, path: string, options: Partial<ExportOptions> = {}, store = blobs) {
  return exportObjects(
    { db, blobs: store },
    {
      folder: path,
      project: 'default',
      format: 'assistants',
      exportedAt: '2026-01-01T00:00:00.000Z',
      now: 1_800_000_000,
      ...options,
    },
  )
}

const columns = {
  assistants: 'id, project, created_at, body',
  threads: 'id, project, created_at, metadata, tool_resources',
  files: 'id, project, created_at, expires_at, purpose, filename, bytes, sha256, image_type',
  vector_stores: `id, project, created_at, name, description, expires_after, expires_at, last_active_at, metadata,
    is_expired`,
  vector_store_files: 'vector_store_id, file_id, created_at, chunking_strategy, attributes',
  runs: `id, project, thread_id, assistant_id, status, created_at, started_at, expires_at, cancelled_at, failed_at,
    completed_at, required_action, last_error, incomplete_details, usage, metadata, settings, trace`,
  messages: `id, project, thread_id, created_at, assistant_id, run_id, status, incomplete_details, incomplete_at,
    completed_at, role, content, attachments, metadata`,
  run_steps: `id, project, thread_id, run_id, assistant_id, created_at, type, status, cancelled_at, completed_at,
    expires_at, expired_at, failed_at, last_error, step_details, usage, turn`,
}

/** Every row as text, so that the order of keys counts; per thread, messages and steps in their common order. */
async function rowsOf(db: Database): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {}
  for (const [table, names] of Object.entries(columns)) {
    const order = ['runs', 'messages', 'run_steps'].includes(table) ? 'thread_id, seq' : 'seq'
    tables[table] = await db.query({
      text: `select row_to_json(t)::text as row from (select ${names} from ${table} order by ${order}) t`,
    })
  }
  tables['order'] = await db.query({
    text: `select id from (select id, seq, thread_id from messages union all select id, seq, thread_id from run_steps) x
           order by thread_id, seq`,
  })
  return tables
}

function filesIn(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(names.map((name) => [name.slice(path.length), readFileSync(name, 'latin1')]))
}

const time = fc.integer({ min: 1_600_000_000, max: 1_600_000_100 })
const schemaOf = (schema: z.ZodType) => {
  const json = z.toJSONSchema(schema)
  return arbitraryOf(json, json)
}
/** `status` is a final one. */
const generated = (schema: z.ZodType, statuses: string[]) =>
  fc
    .tuple(schemaOf(schema), time, fc.constantFrom(...statuses))
    .map(([object, created_at, status]) => ({ ...object, created_at, status, required_action: null }))

const threads = fc.record({
  thread: schemaOf(Thread),
  messages: fc.array(generated(Message, ['completed', 'incomplete']), { maxLength: 6 }),
  runs: fc.array(
    fc.record({
      run: generated(Run, ['completed', 'failed', 'cancelled', 'expired', 'incomplete']),
      steps: fc.array(generated(RunStep, ['completed', 'failed', 'cancelled']), { maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
})

/** Ids of objects that refer to each other. */
function objectsOf(
  assistants: any[],
  all: { thread: any; messages: any[]; runs: { run: any; steps: any[] }[] }[],
): object[] {
  const objects = assistants.map((one, index) => ({ ...one, id: `asst_${index}`, created_at: index }))
  for (const [number, { thread, messages, runs }] of all.entries()) {
    const thread_id = `thread_${number}`
    objects.push({ ...thread, id: thread_id, created_at: number })
    objects.push(
      ...messages.map(({ required_action: _, ...one }, index) => ({
        ...one,
        id: `msg_${number}_${index}`,
        thread_id,
      })),
    )
    for (const [index, { run, steps }] of runs.entries()) {
      const run_id = `run_${number}_${index}`
      objects.push({ ...run, id: run_id, thread_id })
      objects.push(
        ...steps.map(({ required_action: _, ...one }, place) => ({
          ...one,
          id: `step_${number}_${index}_${place}`,
          thread_id,
          run_id,
        })),
      )
    }
  }
  return objects
}

test('generated assistants, threads, messages, runs and steps', async () => {
  let count = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(schemaOf(Assistant), { maxLength: 3 }),
      fc.array(threads, { minLength: 1, maxLength: 3 }),
      async (assistants, all) => {
        const place = join(folder.path, String((count += 1)))
        folder.write({
          [`${count}/given.ndjson`]: objectsOf(assistants, all)
            .map((one) => JSON.stringify(one))
            .join('\n'),
        })
        const [first, second] = await Promise.all([testDatabase(), testDatabase()])
        try {
          await importFrom(first.db, join(place, 'given.ndjson'))
          await exportTo(first.db, join(place, 'one'))
          await importFrom(second.db, join(place, 'one'))
          expect(await rowsOf(second.db)).toEqual(await rowsOf(first.db))
          await exportTo(second.db, join(place, 'two'))
          expect(filesIn(join(place, 'two'))).toEqual(filesIn(join(place, 'one')))
        } finally {
          await Promise.all([first.drop(), second.drop()])
        }
      },
    ),
    { numRuns: 10, endOnFailure: true },
  )
})

async function serverBlobs(server: TestServer): Promise<BlobStore> {
  return openBlobStore(server.config.blobs, { minFreeBytes: 0 })
}

test('a server with real runs, files and a vector store', async () => {
  const server = await busyServer()
  const second = await testDatabase()
  const own = await serverBlobs(server)
  try {
    const path = join(folder.path, 'all')
    const counts = await exportTo(server.db, path, {}, own)
    expect(counts).toMatchObject({
      assistants: 1,
      threads: 2,
      messages: 3,
      runs: 1,
      files: 2,
      vector_stores: 1,
    })
    const report = await importFrom(second.db, path)
    expect(report.contents).toMatchObject({ imported: 2, missing: 0 })
    expect(await rowsOf(second.db)).toEqual(await rowsOf(server.db))
  } finally {
    await own.close()
    await second.drop()
    await server.close()
  }
})

test('contents are found by ids that cannot be names of files, where names and sizes are equal', async () => {
  const [first, second] = await Promise.all([testDatabase(), testDatabase()])
  try {
    const contents = { 'file-a:1': 'heron', 'file-a:2': 'otter', 'file-a:2~x.y': 'raven' }
    folder.write({
      'given/objects.json': Object.keys(contents).map((id) => file(id, 'same.txt', 5)),
      ...Object.fromEntries(Object.entries(contents).map(([id, content]) => [`given/${id}.txt`, content])),
    })
    await importFrom(first.db, join(folder.path, 'given'))
    await exportTo(first.db, join(folder.path, 'one'))
    const report = await importFrom(second.db, join(folder.path, 'one'))
    expect(report.contents).toMatchObject({ imported: 3, missing: 0 })
    expect(await rowsOf(second.db)).toEqual(await rowsOf(first.db))
  } finally {
    await Promise.all([first.drop(), second.drop()])
  }
})

test('the export of one thread has what the thread uses; a folder that is not empty and an unknown thread are refused', async () => {
  const server = await busyServer()
  const own = await serverBlobs(server)
  try {
    const { body } = await server.request('GET', '/threads?order=asc')
    const [first] = (body as { data: { id: string }[] }).data
    const path = join(folder.path, 'one')
    const counts = await exportTo(server.db, path, { thread: first?.id }, own)
    expect(counts).toMatchObject({ assistants: 1, threads: 1, messages: 2, files: 1, vector_stores: 1 })
    await expect(exportTo(server.db, path, {}, own)).rejects.toThrow('is not empty')
    await expect(
      exportTo(server.db, join(folder.path, 'two'), { thread: 'thread_none' }, own),
    ).rejects.toThrow("There is no thread thread_none in the project 'default'.")
  } finally {
    await own.close()
    await server.close()
  }
})

test('an export of a project has no object of another project, in both formats', async () => {
  const server = await busyServer()
  const own = await serverBlobs(server)
  try {
    folder.write({
      'other.json': [
        assistant('asst_other'),
        thread('thread_other', 5),
        message('thread_other', 'msg_other', 5),
      ],
    })
    await importInto(server, join(folder.path, 'other.json'), { project: 'other' })
    const counts = await exportTo(server.db, join(folder.path, 'a'), { project: 'other' }, own)
    expect(counts).toMatchObject({
      assistants: 1,
      threads: 1,
      messages: 1,
      runs: 0,
      files: 0,
      vector_stores: 0,
    })
    await exportTo(server.db, join(folder.path, 'b'), {}, own)
    expect(JSON.stringify(filesIn(join(folder.path, 'b')))).not.toContain('other')
    const options = { project: 'other', thread: 'thread_other', format: 'conversations' } as const
    await exportTo(server.db, join(folder.path, 'c'), options)
    expect(Object.keys(filesIn(join(folder.path, 'c'))).toSorted()).toEqual([
      '/conversations/thread_other.json',
      '/manifest.json',
    ])
  } finally {
    await own.close()
    await server.close()
  }
})

test('threads as conversations keep messages and function calls, and can be imported as threads', async () => {
  const server = await busyServer()
  const second = await testDatabase()
  try {
    const path = join(folder.path, 'conversations-export')
    await exportTo(server.db, path, { format: 'conversations' })
    const [name = ''] = readdirSync(join(path, 'conversations')).filter((one) =>
      readFileSync(join(path, 'conversations', one), 'utf8').includes('function_call'),
    )
    expect(JSON.parse(readFileSync(join(path, 'conversations', name), 'utf8'))).toMatchObject({
      object: 'conversation',
      items: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: '1 + 2?' }] },
        { type: 'function_call', call_id: 'call_1', name: 'add' },
        { type: 'function_call_output', call_id: 'call_1', output: '3' },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'It is 3.' }] },
      ],
    })
    const report = await importObjects(
      { db: second.db, blobs, clock: testClock(), embedder: 'test/2' },
      { path, project: 'default', dryRun: false, maxUnpackedBytes: 1, signal: new AbortController().signal },
    )
    expect(report.kinds).toMatchObject({ thread: { imported: 2 }, message: { imported: 3 } })
    expect(report.skipped).toMatchObject([{ kind: 'value', count: 2 }])
  } finally {
    await second.drop()
    await server.close()
  }
})
