/** Saved objects, and a server and a folder for each test. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ImportReport } from '../../src/api/import-report.ts'
import { openBlobStore } from '../../src/blobs/open.ts'
import { importObjects, type ImportOptions } from '../../src/transfer/import.ts'
import { afterEach, beforeEach } from 'vitest'
import { testServer, type TestServer, type TestServerOptions } from '../harness/server.ts'

export interface Folder {
  path: string
  /** Objects and arrays are written as JSON, texts as they are. */
  write(files: Record<string, unknown>): string
  remove(): void
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'spool-transfer-'))
  return {
    path,
    write(files) {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true })
        writeFileSync(
          join(path, name),
          typeof content === 'string' ? content : JSON.stringify(content, null, 1),
        )
      }
      return path
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** Starts a server and makes a folder before each test of a file, and removes them after it. */
export function setUpEach(options?: TestServerOptions): { server: TestServer; folder: Folder } {
  const setup = {} as { server: TestServer; folder: Folder }
  beforeEach(async () => {
    setup.server = await testServer(options)
    setup.folder = makeFolder()
  })
  afterEach(async () => {
    setup.folder.remove()
    await setup.server.close()
  })
  return setup
}

/** Ids of the messages of a thread, oldest first. */
export async function messageIds({ openai }: TestServer, thread_id: string): Promise<string[]> {
  const page = await openai.beta.threads.messages.list(thread_id, { order: 'asc', limit: 100 })
  return page.data.map(({ id }) => id)
}

/** Imports into the database of a running server, as the command does. */
export async function importInto(
  server: Pick<TestServer, 'db' | 'config' | 'clock' | 'retrieval'>,
  path: string,
  options: Partial<ImportOptions> = {},
): Promise<ImportReport> {
  const blobs = await openBlobStore(server.config.blobs, { minFreeBytes: 0 })
  try {
    const context = { db: server.db, blobs, clock: server.clock, embedder: server.retrieval.embedder.id }
    return await importObjects(context, {
      path,
      project: 'default',
      dryRun: false,
      maxUnpackedBytes: 1_000_000,
      signal: new AbortController().signal,
      ...options,
    })
  } finally {
    await blobs.close()
  }
}

export const text = (value: string, annotations: object[] = []) => [
  { type: 'text', text: { value, annotations } },
]

/** The objects below have the form of the live service in 2024: some fields were added or removed since then. */
export function assistant(id: string, more: object = {}) {
  return {
    id,
    object: 'assistant',
    created_at: 1_710_000_000,
    name: 'Math tutor',
    description: null,
    model: 'gpt-4o',
    instructions: 'Help with sums.',
    tools: [{ type: 'code_interpreter' }],
    top_p: 1,
    temperature: 1,
    tool_resources: { code_interpreter: { file_ids: [] } },
    metadata: {},
    response_format: 'auto',
    ...more,
  }
}

export function thread(id: string, created_at: number, more: object = {}) {
  return { id, object: 'thread', created_at, metadata: {}, tool_resources: {}, ...more }
}

export function message(thread_id: string, id: string, created_at: number, more: object = {}) {
  return {
    id,
    object: 'thread.message',
    created_at,
    assistant_id: null,
    thread_id,
    run_id: null,
    role: 'user',
    content: text(id),
    attachments: [],
    metadata: {},
    ...more,
  }
}

export function run(thread_id: string, id: string, created_at: number, more: object = {}) {
  return {
    id,
    object: 'thread.run',
    created_at,
    assistant_id: 'asst_tutor',
    thread_id,
    status: 'completed',
    started_at: created_at,
    expires_at: null,
    cancelled_at: null,
    failed_at: null,
    completed_at: created_at + 2,
    required_action: null,
    last_error: null,
    model: 'gpt-4o',
    instructions: 'Help with sums.',
    tools: [],
    metadata: {},
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    temperature: 1,
    top_p: 1,
    max_completion_tokens: null,
    max_prompt_tokens: null,
    truncation_strategy: { type: 'auto', last_messages: null },
    incomplete_details: null,
    response_format: 'auto',
    tool_choice: 'auto',
    parallel_tool_calls: true,
    ...more,
  }
}

export function step(
  of: { thread_id: string; run_id: string },
  id: string,
  created_at: number,
  step_details: object,
) {
  return {
    id,
    object: 'thread.run.step',
    created_at,
    ...of,
    assistant_id: 'asst_tutor',
    type: 'type' in step_details ? step_details.type : '',
    status: 'completed',
    cancelled_at: null,
    completed_at: created_at + 1,
    expires_at: null,
    failed_at: null,
    last_error: null,
    step_details,
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  }
}

export function file(id: string, filename: string, bytes: number) {
  return {
    id,
    object: 'file',
    purpose: 'assistants',
    filename,
    bytes,
    created_at: 1_710_000_100,
    status: 'processed',
    status_details: null,
  }
}

export function threadExport(id: string, parts: object) {
  return {
    export_schema: 'assistants-thread-export/v1',
    thread_id: id,
    exported_at: '2025-08-01T00:00:00Z',
    thread: null,
    messages: [],
    runs: [],
    files: {},
    errors: [],
    ...parts,
  }
}
