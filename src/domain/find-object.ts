/** Reads single objects, by the ids of a path or by an id alone. All return undefined when the project has no such object. */
import type { Assistant } from '../api/assistants.ts'
import { idPrefix } from '../api/fields.ts'
import type { FileObject } from '../api/files.ts'
import { textFault } from '../api/inspect.ts'
import type { ObjectLocation } from '../api/locations.ts'
import type { Message } from '../api/messages.ts'
import type { RunStep } from '../api/run-steps.ts'
import type { Run, RunTrace } from '../api/runs.ts'
import type { Thread } from '../api/threads.ts'
import type { VectorStore, VectorStoreFile, VectorStoreFileBatch } from '../api/vector-stores.ts'
import { withResources } from '../runs/events.ts'
import { findAssistant } from '../sql/assistants.ts'
import { findBatch } from '../sql/file-batches.ts'
import { findFile, toFile } from '../sql/files.ts'
import { locate, locatedKinds, type LocatedKind } from '../sql/locate.ts'
import { findMessage } from '../sql/messages.ts'
import { findRunStep } from '../sql/run-steps.ts'
import { findRunRow, toRun } from '../sql/runs.ts'
import { findWork } from '../sql/run-work.ts'
import { findThread } from '../sql/threads.ts'
import { findStoreFile } from '../sql/vector-store-files.ts'
import { findVectorStore } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** What all functions of this file use. */
export type FindContext = Pick<Context, 'db' | 'clock' | 'traceDays'>

/** A project and the ids of the path, by the names of the path parameters. */
type Key<Name extends string> = Record<'project' | Name, string>
type Found<Value> = Promise<Value | undefined>

export const findObject = {
  assistant: ({ db }: FindContext, { project, assistant_id }: Key<'assistant_id'>): Found<Assistant> =>
    findAssistant(db, project, assistant_id),

  async thread({ db }: FindContext, { project, thread_id }: Key<'thread_id'>): Found<Thread> {
    const thread = await findThread(db, project, thread_id)
    return thread && withResources(thread)
  },

  message: (
    { db }: FindContext,
    { project, thread_id, message_id: id }: Key<'thread_id' | 'message_id'>,
  ): Found<Message> => findMessage(db, { project, thread_id, id }),

  async run(
    { db }: FindContext,
    { project, thread_id, run_id: id }: Key<'thread_id' | 'run_id'>,
  ): Found<Run> {
    const row = await findRunRow(db, { project, thread_id, id })
    return row && toRun(row)
  },

  async run_trace({ db, traceDays }: FindContext, key: Key<'thread_id' | 'run_id'>): Found<RunTrace> {
    const { project, thread_id, run_id } = key
    const row = await findRunRow(db, { project, thread_id, id: run_id })
    if (!row) return undefined
    const work = await findWork(db, run_id)
    const { attempt: attempts, trace: data } = row
    return { object: 'thread.run.trace', run_id, thread_id, attempts, data, work, is_kept: traceDays > 0 }
  },

  /** `withSearchContent`: whether the step shows the text of passages that file_search found. */
  run_step: (
    { db }: FindContext,
    { project, thread_id, run_id, step_id: id }: Key<'thread_id' | 'run_id' | 'step_id'>,
    view: { withSearchContent: boolean },
  ): Found<RunStep> => findRunStep(db, { project, thread_id, run_id, id }, view),

  async file({ db }: FindContext, { project, file_id }: Key<'file_id'>): Found<FileObject> {
    const row = await findFile(db, project, file_id)
    return row && toFile(row)
  },

  vector_store: (
    { db, clock }: FindContext,
    { project, vector_store_id: id }: Key<'vector_store_id'>,
  ): Found<VectorStore> => findVectorStore(db, { project, id }, nowSeconds(clock)),

  async vector_store_file(
    { db }: FindContext,
    key: Key<'vector_store_id' | 'file_id'>,
  ): Found<VectorStoreFile> {
    const found = await findStoreFile(db, key)
    if (!found) return undefined
    const { seq: _, ...file } = found
    return file
  },

  file_batch: (
    { db }: FindContext,
    { project, vector_store_id, batch_id: id }: Key<'vector_store_id' | 'batch_id'>,
  ): Found<VectorStoreFileBatch> => findBatch(db, { project, vector_store_id, id }),
}

/** `object` of each kind that is found by its id alone. */
const objects = {
  assistant: 'assistant',
  thread: 'thread',
  message: 'thread.message',
  run: 'thread.run',
  step: 'thread.run.step',
  file: 'file',
  vector_store: 'vector_store',
} as const satisfies Record<LocatedKind, ObjectLocation['object']>

/** Where the object of any kind with this id is. */
export async function locateObject(
  { db }: Pick<Context, 'db'>,
  project: string,
  id: string,
): Promise<ObjectLocation | undefined> {
  const kind = locatedKinds.find((one) => id.startsWith(`${idPrefix(one)}${one === 'file' ? '-' : '_'}`))
  if (!kind || textFault(id)) return undefined
  const found = await locate(db, { kind, project, id })
  if (!found) return undefined
  const { thread_id, run_id } = found
  return { id, object: objects[kind], ...(thread_id && { thread_id }), ...(run_id && { run_id }) }
}
