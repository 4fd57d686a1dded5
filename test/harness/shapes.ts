/** Whether an answer is exactly what the API promises: every key, no other, in the order of the wire. */
import { expect } from 'vitest'
import type { z } from 'zod'
import { Assistant } from '../../src/api/assistants.ts'
import { listSchema } from '../../src/api/lists.ts'
import { Message } from '../../src/api/messages.ts'
import { RunStep } from '../../src/api/run-steps.ts'
import { Run } from '../../src/api/runs.ts'
import { Thread } from '../../src/api/threads.ts'
import { VectorStore, VectorStoreFile, VectorStoreFileBatch } from '../../src/api/vector-stores.ts'

/** The keys of the live service's objects, in its order. */
export const wireKeys = {
  assistant: [
    'id, object, created_at, name, description, model, instructions, tools, top_p, temperature',
    'reasoning_effort, tool_resources, metadata, response_format',
  ],
  thread: ['id, object, created_at, metadata, tool_resources'],
  message: [
    'id, object, created_at, assistant_id, thread_id, run_id, status, incomplete_details, incomplete_at',
    'completed_at, role, content, attachments, metadata',
  ],
  run: [
    'id, object, created_at, assistant_id, thread_id, status, started_at, expires_at, cancelled_at, failed_at',
    'completed_at, required_action, last_error, model, instructions, tools, tool_resources, metadata, temperature',
    'top_p, reasoning_effort, max_completion_tokens, max_prompt_tokens, truncation_strategy, incomplete_details',
    'usage, response_format, tool_choice, parallel_tool_calls',
  ],
  step: [
    'id, object, created_at, run_id, assistant_id, thread_id, type, status, cancelled_at, completed_at, expires_at',
    'failed_at, last_error, step_details, usage',
  ],
  vector_store: [
    'id, object, created_at, name, description, usage_bytes, file_counts, status, expires_after, expires_at',
    'last_active_at, metadata',
  ],
  vector_store_file: [
    'id, object, usage_bytes, created_at, vector_store_id, status, last_error, chunking_strategy, attributes',
  ],
  file_batch: ['id, object, created_at, status, vector_store_id, file_counts'],
}

const schemas = {
  assistant: Assistant,
  thread: Thread,
  message: Message,
  run: Run,
  step: RunStep,
  vector_store: VectorStore,
  vector_store_file: VectorStoreFile,
  file_batch: VectorStoreFileBatch,
}

export type Kind = keyof typeof wireKeys

export function keysOf(kind: Kind): string[] {
  return wireKeys[kind].join(', ').split(', ')
}

/** Fails unless the body is such an object, keys in order down to the innermost. */
export function expectObject(kind: Kind, body: any): void {
  const order = Object.keys(body).filter((key) => key !== 'expired_at')
  expect(order).toEqual(keysOf(kind))
  expectWire(schemas[kind], body)
}

/** Fails unless the body is a list of such objects, with the ids of its ends. */
export function expectList(kind: Kind, body: any): void {
  expectWire(listSchema(schemas[kind]), body)
  for (const one of body.data) expectObject(kind, one)
  expect([body.first_id, body.last_id]).toEqual([body.data[0]?.id ?? null, body.data.at(-1)?.id ?? null])
}

/** Fails unless the body is what the schema describes; parsing puts keys in the schema's order. */
export function expectWire(schema: z.ZodType, body: unknown): void {
  expect(JSON.stringify(body)).toBe(JSON.stringify(schema.parse(body)))
}
