/** Reads one page of a list. A cursor that is not in the list is answered with 404. */
import type { Assistant } from '../api/assistants.ts'
import { errors, type ObjectKind } from '../api/errors.ts'
import type { FileObject } from '../api/files.ts'
import {
  fileListOf,
  listOf,
  type List,
  type ListFilesQuery,
  type ListProjectRunsQuery,
  type ListQuery,
  type ListThreadsQuery,
} from '../api/lists.ts'
import type { Queryable } from '../database/database.ts'
import type { Message } from '../api/messages.ts'
import type { RunStep } from '../api/run-steps.ts'
import type { Run } from '../api/runs.ts'
import type { ListedThread, Thread } from '../api/threads.ts'
import type { ListedVectorStoreFile, VectorStore, VectorStoreFileStatus } from '../api/vector-stores.ts'
import { listAssistants } from '../sql/assistants.ts'
import { listFiles } from '../sql/files.ts'
import { listMessages } from '../sql/messages.ts'
import { UnknownCursor, type Page, type PageQuery } from '../sql/pages.ts'
import { listRunSteps } from '../sql/run-steps.ts'
import { listRuns } from '../sql/runs.ts'
import { listProjectRuns } from '../sql/run-lists.ts'
import { firstMessages, searchThreads } from '../sql/thread-search.ts'
import { listThreads } from '../sql/threads.ts'
import { findProgress } from '../sql/store-file-progress.ts'
import { listStoreFiles } from '../sql/vector-store-files.ts'
import { listVectorStores } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

type ListContext = Pick<Context, 'db' | 'clock'>

type Key<Name extends string> = Record<'project' | Name, string>

export const listObjects = {
  assistants: ({ db }: ListContext, project: string, query: ListQuery): Promise<List<Assistant>> =>
    listed('assistant', listAssistants(db, project, query)),

  async threads({ db }: ListContext, project: string, query: ListThreadsQuery): Promise<List<ListedThread>> {
    const { query: search, include } = query
    const threads =
      search === undefined
        ? await listed('thread', listThreads(db, project, query))
        : await foundThreads(db, project, { search, page: query })
    if (include.length === 0) return threads
    const ids = threads.data.map(({ id }) => id)
    const texts = await firstMessages(db, ids)
    const data = threads.data.map((thread) => ({ ...thread, first_message: texts.get(thread.id) ?? null }))
    return { ...threads, data }
  },

  /** The runs of all threads. */
  project_runs: ({ db }: ListContext, project: string, query: ListProjectRunsQuery): Promise<List<Run>> =>
    listed('run', listProjectRuns(db, project, query)),

  messages(
    { db }: ListContext,
    { project, thread_id }: Key<'thread_id'>,
    query: ListQuery & { run_id?: string | undefined },
  ): Promise<List<Message>> {
    return listed('message', listMessages(db, { project, thread_id, run_id: query.run_id }, query))
  },

  runs: (
    { db }: ListContext,
    { project, thread_id }: Key<'thread_id'>,
    query: ListQuery,
  ): Promise<List<Run>> => listed('run', listRuns(db, { project, thread_id }, query)),

  run_steps(
    { db }: ListContext,
    { project, thread_id, run_id }: Key<'thread_id' | 'run_id'>,
    query: ListQuery & { withSearchContent: boolean },
  ): Promise<List<RunStep>> {
    return listed('step', listRunSteps(db, { project, thread_id, run_id }, query))
  },

  async files({ db }: ListContext, project: string, query: ListFilesQuery): Promise<List<FileObject>> {
    const files = listFiles(db, { project, purpose: query.purpose }, query)
    const page = await pageOf(files, errors.fileNotFound)
    return fileListOf(page.data, page.has_more)
  },

  vector_stores: (
    { db, clock }: ListContext,
    project: string,
    query: ListQuery,
  ): Promise<List<VectorStore>> =>
    listed('vector_store', listVectorStores(db, project, { query, now: nowSeconds(clock) })),

  /** All files of a vector store, or those of one batch. */
  async vector_store_files(
    { db }: ListContext,
    { project, vector_store_id, batch_id }: Key<'vector_store_id'> & { batch_id?: string },
    query: ListQuery & { filter?: VectorStoreFileStatus | undefined; include?: readonly string[] },
  ): Promise<List<ListedVectorStoreFile>> {
    const scope = { project, vector_store_id, batch_id, status: query.filter }
    const files = await listed('file', listStoreFiles(db, scope, query))
    if (!query.include?.length) return files
    const ids = files.data.map(({ id }) => id)
    const progress = await findProgress(db, vector_store_id, ids)
    return { ...files, data: files.data.map((file) => ({ ...file, progress: progress.get(file.id) })) }
  },
}

/** `last_id` is the next cursor, also when this page found nothing but the next one may. */
async function foundThreads(
  db: Queryable,
  project: string,
  options: { search: string; page: PageQuery },
): Promise<List<Thread>> {
  const { data, has_more, last_id } = await pageOf(searchThreads(db, project, options), (id) =>
    errors.notFound('thread', id),
  )
  return { ...listOf(data, has_more), last_id }
}

async function listed<Row extends { id: string }>(
  kind: ObjectKind,
  page: Promise<Page<Row>>,
): Promise<List<Row>> {
  const { data, has_more } = await pageOf(page, (id) => errors.notFound(kind, id))
  return listOf(data, has_more)
}

async function pageOf<Found>(page: Promise<Found>, notFound: (id: string) => Error): Promise<Found> {
  try {
    return await page
  } catch (error) {
    throw error instanceof UnknownCursor ? notFound(error.id) : error
  }
}
