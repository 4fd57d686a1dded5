/** Exports a thread as `assistants-thread-export/v1`, with data that only this server has under `spool`. */
import type { FileObject } from '../api/files.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import { beforeAll, filesById, runsOfThread } from '../sql/exports.ts'
import { toFile } from '../sql/files.ts'
import { messagesAfter, type ThreadMessage } from '../sql/messages.ts'
import { stepPayload, stepsOfThread, type StepRow } from '../sql/run-steps.ts'
import { toRun, type RunRow } from '../sql/runs.ts'
import { isObject } from '../util/is-object.ts'
import type { RunExtras } from './spool-extras.ts'

/** A thread with all its objects, oldest first. */
export interface LoadedThread {
  thread: Thread
  messages: ThreadMessage[]
  runs: RunRow[]
  steps: (StepRow & { seq: number })[]
}

const pageSize = 1000

export async function loadThread(db: Queryable, thread: Thread): Promise<LoadedThread> {
  const messages: ThreadMessage[] = []
  for (let seq = beforeAll; ;) {
    const page = await messagesAfter(db, thread.id, { seq, limit: pageSize })
    messages.push(...page)
    seq = page.at(-1)?.seq ?? seq
    if (page.length < pageSize) break
  }
  const runs = await runsOfThread(db, thread.id)
  const steps = await stepsOfThread(db, thread.id, beforeAll)
  return { thread, messages, runs, steps }
}

export async function exportThread(
  db: Queryable,
  { thread, messages, runs, steps }: LoadedThread,
  { project, exportedAt, position }: { project: string; exportedAt: string; position: number },
): Promise<object> {
  const objects = {
    thread,
    messages: messages.map(({ seq: _, ...message }) => message),
    runs: runs.map((run) => ({
      ...toRun(run),
      // Null when it was not set; the API shows the default.
      temperature: run.settings.temperature,
      top_p: run.settings.top_p,
      steps: steps
        .filter((step) => step.run_id === run.id)
        .map((step) => stepPayload(step, { withSearchContent: true })),
    })),
  }
  return {
    export_schema: 'assistants-thread-export/v1',
    thread_id: thread.id,
    exported_at: exportedAt,
    ...objects,
    files: await filesOf(db, project, objects),
    errors: [],
    spool: {
      thread: {
        position,
        order: [...messages, ...steps].toSorted((a, b) => a.seq - b.seq).map(({ id }) => id),
      },
      turns: Object.fromEntries(steps.map(({ id, turn }) => [id, turn])),
      runs: Object.fromEntries(runs.map((run) => [run.id, extrasOf(run)])),
    },
  }
}

function extrasOf({ deadline, settings, trace }: RunRow): RunExtras {
  const { resources, include_search_content } = settings
  return { deadline, resources, include_search_content, trace }
}

async function filesOf(db: Queryable, project: string, objects: object): Promise<Record<string, FileObject>> {
  const named = new NamedIds()
  named.add(objects)
  const rows = await filesById(db, project, named.all())
  return Object.fromEntries(rows.map((row) => [row.id, toFile(row)]))
}

const idFields = new Set(['id', 'file_id', 'file_ids', 'vector_store_ids', 'assistant_id'])

/** Collects the ids of assistants, files and vector stores that exported objects name. */
export class NamedIds {
  readonly #ids = new Set<string>()

  /** Adds all ids in a value, at any depth. */
  add(value: unknown): void {
    if (Array.isArray(value)) {
      for (const item of value) this.add(item)
    } else if (isObject(value)) {
      for (const [key, field] of Object.entries(value)) this.#addField(key, field)
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  all(): string[] {
    return [...this.#ids]
  }

  #addField(key: string, field: unknown): void {
    if (!idFields.has(key)) return this.add(field)
    for (const id of [field].flat()) if (typeof id === 'string') this.#ids.add(id)
  }
}
