/** The objects of a service: more than one page of each kind. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { assistant, file, message, run, step, text, thread } from './fixtures.ts'
import type { Held } from './stand-in.ts'

const many = <Value>(count: number, make: (index: number) => Value) =>
  Array.from({ length: count }, (_, index) => make(index))
export const time = 1_710_000_000

export function store(id: string, more: object = {}) {
  return {
    id,
    object: 'vector_store',
    created_at: time,
    name: id,
    usage_bytes: 100,
    file_counts: { in_progress: 0, completed: 1, failed: 0, cancelled: 0, total: 1 },
    status: 'completed',
    expires_after: null,
    expires_at: null,
    last_active_at: time + 5,
    metadata: { of: id },
    ...more,
  }
}

export function storeFile(vector_store_id: string, id: string, more: object = {}) {
  return {
    id,
    object: 'vector_store.file',
    usage_bytes: 50,
    created_at: time + 1,
    vector_store_id,
    status: 'completed',
    last_error: null,
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 100 } },
    attributes: { of: vector_store_id },
    ...more,
  }
}

export const heron = 'The heron waits in shallow water.'

export function account(): Held {
  return {
    assistants: many(7, (index) => assistant(`asst_${index}`, { created_at: time + index })),
    threads: many(7, (index) => {
      const of = { thread_id: `thread_${index}`, run_id: `run_${index}_0` }
      const messages = many(8, (at) =>
        message(of.thread_id, `msg_${index}_${at}`, time + at, { content: text(`${index} ${at}`) }),
      )
      const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}', output: '1' } }
      const steps = many(4, (at) =>
        step(of, `step_${index}_${at}`, time + at, { type: 'tool_calls', tool_calls: [call] }),
      )
      return {
        thread: thread(of.thread_id, time + index, { metadata: { number: String(index) } }),
        messages,
        runs: many(4, (at) => run(of.thread_id, `run_${index}_${at}`, time + at)),
        steps: { [of.run_id]: steps },
      }
    }),
    stores: many(5, (index) => ({
      store: store(`vs_${index}`, { created_at: time + index }),
      files: index === 0 ? many(5, (at) => storeFile('vs_0', `file-${at}`)) : [],
    })),
    files: many(6, (index) => ({
      file: { ...file(`file-${index}`, `${index}.txt`, heron.length), created_at: time + index },
      content: heron,
    })),
    conversations: many(2, (index) => ({
      conversation: { id: `conv_${index}`, object: 'conversation', created_at: time, metadata: {} },
      items: many(5, (at) => ({
        id: `msg_c${index}_${at}`,
        type: 'message',
        role: 'user',
        status: 'completed',
        content: [{ type: 'input_text', text: `${index} ${at}` }],
      })),
    })),
  }
}

/** Compares every file of the folder with the objects of the service. */
export function expectFolder(target: string, held: Held): void {
  const read = (name: string) => JSON.parse(readFileSync(join(target, name), 'utf8')) as unknown
  expect(read('assistants.json')).toEqual(held.assistants.toReversed())
  expect(read('files.json')).toEqual(held.files.map((one) => one.file).toReversed())
  expect(read('vector_stores.json')).toEqual(
    held.stores.map((one) => ({ ...one.store, files: one.files.toReversed() })).toReversed(),
  )
  expect(readdirSync(join(target, 'threads')).toSorted()).toEqual(
    held.threads.map((one) => `${one.thread.id}.json`),
  )
  for (const [position, { thread: own, messages, runs, steps }] of held.threads.entries()) {
    expect(read(`threads/${own.id}.json`)).toMatchObject({
      export_schema: 'assistants-thread-export/v1',
      thread: own,
      messages,
      runs: runs.map((one) => ({ ...one, steps: steps[one.id] ?? [] })),
      errors: [],
      spool: { thread: { position } },
    })
  }
  expect(readdirSync(join(target, 'files')).toSorted()).toEqual(
    held.files.filter((one) => one.content !== undefined).map((one) => one.file.id),
  )
  for (const {
    file: { id },
    content,
  } of held.files) {
    if (content !== undefined) expect(readFileSync(join(target, 'files', id), 'utf8')).toBe(content)
  }
}
