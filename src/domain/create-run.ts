/** Creates runs. All rows of a run are committed together. */
import { errors } from '../api/errors.ts'
import type { Message } from '../api/messages.ts'
import type { CreateRunRequest, CreateThreadAndRunRequest, Run } from '../api/runs.ts'
import type { Thread } from '../api/threads.ts'
import { DatabaseUnavailable, type Queryable } from '../database/database.ts'
import { createOnce } from '../database/retry.ts'
import { threadEvent } from '../runs/events.ts'
import { claimedBy, orRelease, queueHint, reserveSlot, startOrQueue, type Slot } from '../runs/slots.ts'
import { requested } from '../runs/next.ts'
import {
  StaleAssistant,
  writeTransition,
  writtenRun,
  type Created,
  type WrittenRun,
} from '../runs/write-transition.ts'
import { committed, type Transition } from '../runs/state.ts'
import { hasUserMessage } from '../sql/messages.ts'
import {
  activeRunId,
  existingRuns,
  findRunOfProject,
  toRun,
  type RunRow,
  type RunSettings,
} from '../sql/runs.ts'
import { findThread, lockThread } from '../sql/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { applyPlan, attachToThread, lockFiles } from './apply-plan.ts'
import type { Context } from './context.ts'
import { makeMessages } from './messages.ts'
import { makeThread } from './threads.ts'
import { fillsStores, isEmptyPlan, joinPlans, planForMessages, planForNames } from './resource-plan.ts'
import { newRunRow, runSettings } from './new-run.ts'

/** The run as it was queued, and the number of the event after which its response stream starts. */
export interface StartedRun {
  run: Run
  after: number
}

interface RunOptions {
  project: string
  include_search_content: boolean
}

/** `POST /threads/runs`. */
export async function createThreadAndRun(
  context: Context,
  request: CreateThreadAndRunRequest,
  options: RunOptions,
): Promise<StartedRun> {
  return withAssistant(context, request, options, (more) => tryThreadAndRun(context, request, more))
}

/** `POST /threads/{thread_id}/runs`. The lock of the thread's row allows one active run; a unique index would refuse another. */
export async function createRun(
  context: Context,
  thread_id: string,
  request: CreateRunRequest,
  options: RunOptions,
): Promise<StartedRun> {
  return withAssistant(context, request, options, (more) => tryRun(context, thread_id, request, more))
}

interface AdmittedOptions extends RunOptions {
  /** The same for all tries, so that at most one of them creates the run. */
  run_id: string
  /** Counts the run, once for all tries. Without a slot it waits for a worker. Throws when there are too many runs. */
  admit: (slot: Slot | undefined) => Promise<void>
}

/** An assistant from the cache may be old. A function that notices this throws `StaleAssistant`; the assistant is then read again. */
async function withAssistant(
  { assistants, runLimits, db }: Pick<Context, 'assistants' | 'runLimits' | 'db'>,
  { assistant_id }: { assistant_id: string },
  options: RunOptions,
  create: (options: AdmittedOptions) => Promise<StartedRun>,
): Promise<StartedRun> {
  const { project } = options
  let admitted: Promise<void> | undefined
  const admit: AdmittedOptions['admit'] = (slot) =>
    (admitted ??= runLimits.admit(db, { project, waits: slot === undefined }))
  const run_id = newId('run')
  try {
    return await create({ ...options, admit, run_id })
  } catch (error) {
    if (!(error instanceof StaleAssistant)) throw error
    assistants.forget(assistant_id)
  }
  try {
    return await create({ ...options, admit, run_id })
  } catch (error) {
    // The first try may be committed late, when its connection was cut. A heartbeat then releases its run.
    const row = error instanceof DatabaseUnavailable ? undefined : await findRunOfProject(db, project, run_id)
    if (!row) throw error
    return { run: toRun({ ...row, status: 'queued', started_at: null }), after: 0 }
  }
}

async function tryThreadAndRun(
  context: Context,
  request: CreateThreadAndRunRequest,
  options: AdmittedOptions,
): Promise<StartedRun> {
  const { project, admit, run_id } = options
  const found = await settingsFor(context, request, options)
  const { settings, version: assistantVersion } = found
  const now = nowSeconds(context.clock)
  const { thread, plan: ofThread } = makeThread(context, request.thread ?? {}, 'thread.messages')
  const plan = joinPlans(planForNames(request.tool_resources), ofThread)
  const messages = makeMessages(request.thread?.messages ?? [], thread.id, now)
  checkRunnable(messages.some(isUsers), found)
  const row = newRunRow(context, { project, thread_id: thread.id, run_id, request, settings, now })
  const created = requested(row)
  const queued = { ...created, events: [...committed(threadEvent(thread)), ...created.events] }
  const slot = context.slots.reserve()
  const transition = claimedBy(context, slot, queued)
  const parts = { thread, messages, assistantVersion }
  const admitting = admit(slot)
  if (slot && isEmptyPlan(plan)) {
    await orRelease(slot, admitting)
    await slot.create(transition, parts)
    return { run: toRun(row), after: 0 }
  }
  const insert = (db: Queryable) =>
    writeTransition(db, 'new', transition, { ...parts, notifications: queueHint(context, slot) })
  // A single statement is a transaction by itself. Only files and vector stores need more statements.
  const create = () =>
    isEmptyPlan(plan)
      ? insert(context.db)
      : context.db.transaction(async (tx) => {
          await applyPlan(context, tx, { project, plan })
          return insert(tx)
        })
  const find = () => findCreated(context, transition, parts)
  const run = await orRelease(
    slot,
    admitting.then(() => createOnce(create, find)),
  )
  return started(context, slot, { row, run, addsFiles: fillsStores(plan) })
}

async function tryRun(
  context: Context,
  thread_id: string,
  request: CreateRunRequest,
  options: AdmittedOptions,
): Promise<StartedRun> {
  const { project, admit, run_id } = options
  const found = await settingsFor(context, request, options).catch(async (error: unknown) => {
    // A missing thread must be reported first. The check is needed only when the call fails for another reason.
    if (await findThread(context.db, project, thread_id)) throw error
    throw errors.notFound('thread', thread_id)
  })
  const { settings, version: assistantVersion } = found
  const now = nowSeconds(context.clock)
  const requests = request.additional_messages
  const messages = makeMessages(requests ?? [], thread_id, now)
  const plan = planForMessages(requests, 'additional_messages')
  const row = newRunRow(context, { project, thread_id, run_id, request, settings, now })
  const slot = await reserveSlot(context, thread_id)
  const transition = claimedBy(context, slot, requested(row))
  const parts = { messages, assistantVersion }
  const create = () =>
    context.db.transaction(async (tx) => {
      await lockFiles(context, tx, { project, plan })
      const thread = await checkThread(tx, { project, thread_id, messages, found })
      await attachToThread(context, tx, { project, thread, messages: requests })
      return writeTransition(tx, 'new', transition, { ...parts, notifications: queueHint(context, slot) })
    })
  const find = () => findCreated(context, transition, parts)
  const run = await orRelease(
    slot,
    admit(slot).then(() => createOnce(create, find)),
  )
  return started(context, slot, { row, run, addsFiles: plan.attachedForSearch.length > 0 })
}

/** The run as its creation has left it; undefined when it does not exist. */
async function findCreated(
  { db }: Pick<Context, 'db'>,
  transition: Transition,
  parts: Created,
): Promise<WrittenRun | undefined> {
  const existing = await existingRuns(db, [transition.state.row.id])
  return existing.size > 0 ? writtenRun(transition, parts) : undefined
}

/** After the commit: starts the run, or wakes a worker. `row` is the row as it was queued. */
function started(
  context: Pick<Context, 'hints'>,
  slot: Slot | undefined,
  { row, run, addsFiles }: { row: RunRow; run: WrittenRun; addsFiles: boolean },
): StartedRun {
  startOrQueue(context, slot, run)
  if (addsFiles) context.hints.send({ kind: 'ingest' })
  return { run: toRun(row), after: 0 }
}

/** The settings of a run; `version` as in `FoundAssistant`. */
interface FoundSettings {
  settings: RunSettings
  version?: string
}

async function settingsFor(
  context: Pick<Context, 'assistants' | 'db' | 'modelBehind'>,
  request: CreateRunRequest | CreateThreadAndRunRequest,
  options: RunOptions,
): Promise<FoundSettings> {
  const { assistants } = context
  const { assistant_id } = request
  const found = await assistants.find(context.db, options.project, assistant_id)
  if (!found) throw errors.notFound('assistant', assistant_id)
  const { assistant, ...version } = found
  try {
    return { settings: runSettings(context, assistant, request, options), ...version }
  } catch (error) {
    throw found.version === undefined ? error : new StaleAssistant()
  }
}

async function checkThread(
  tx: Queryable,
  options: { project: string; thread_id: string; messages: Message[]; found: FoundSettings },
): Promise<Thread> {
  const { project, thread_id, messages, found } = options
  const thread = await lockThread(tx, project, thread_id, 'exclusive')
  if (!thread) throw errors.notFound('thread', thread_id)
  const active = await activeRunId(tx, thread_id)
  if (active) throw errors.activeRun(thread_id, active)
  if (!found.settings.instructions) {
    checkRunnable(messages.some(isUsers) || (await hasUserMessage(tx, thread_id)), found)
  }
  return thread
}

const isUsers = (message: Message) => message.role === 'user'

function checkRunnable(isAnswerable: boolean, { settings, version }: FoundSettings): void {
  if (isAnswerable || settings.instructions) return
  throw version === undefined ? errors.invalidThread() : new StaleAssistant()
}
