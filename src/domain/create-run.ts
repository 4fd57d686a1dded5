/** Creates runs: all that belongs to one is committed together, or nothing is. */
import { errors } from '../api/errors.ts'
import type { Message } from '../api/messages.ts'
import type { CreateRunRequest, CreateThreadAndRunRequest, Run } from '../api/runs.ts'
import type { Thread } from '../api/threads.ts'
import { findStoredAssistant } from '../sql/assistants.ts'
import type { Queryable } from '../database/database.ts'
import { isActiveRunConflict } from '../sql/conflicts.ts'
import { hasUserMessage, insertMessages } from '../sql/messages.ts'
import type { Entry, NumberedEntry } from '../sql/run-events.ts'
import {
  activeRunId,
  insertRun,
  insertThreadAndRun,
  toRun,
  type RunRow,
  type RunSettings,
} from '../sql/runs.ts'
import { findThread, lockThread } from '../sql/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import type { Slot } from '../runs/handoff.ts'
import { applyPlan, attachToThread, lockFiles } from './apply-plan.ts'
import type { Context } from './context.ts'
import { makeMessages } from './make-messages.ts'
import { makeThread } from './make-thread.ts'
import { reserveSlot } from './reserve-slot.ts'
import { runEntry, threadEntry } from './run-entries.ts'
import { runSettings } from './run-settings.ts'
import { fieldsAfter } from './run-status.ts'
import { fillsStores, isEmptyPlan, joinPlans, planForMessages, planForNames } from './resource-plan.ts'

/** The run as it stood when queued, and the log entry after which its response stream begins. */
export interface StartedRun {
  run: Run
  after: number
}

interface Asked {
  project: string
  include_search_content: boolean
}

/** `POST /threads/runs`. */
export async function createThreadAndRun(
  context: Context,
  request: CreateThreadAndRunRequest,
  asked: Asked,
): Promise<StartedRun> {
  const { project } = asked
  const settings = await settingsFor(context, request, asked)
  const now = nowSeconds(context.clock)
  const { thread, plan: ofThread } = makeThread(context, request.thread ?? {}, 'thread.messages')
  const plan = joinPlans(planForNames(request.tool_resources), ofThread)
  const messages = makeMessages(request.thread?.messages ?? [], thread.id, now)
  checkRunnable(messages.some(isUsers), settings)
  return startRun(context, {
    row: newRow(context, { project, thread_id: thread.id, request, settings, now }),
    first: [threadEntry(thread)],
    insert: async (run) => {
      // One statement is a transaction by itself; only files, and other processes that may take the run, need more.
      const isHinted = !run.row.lease_owner && context.hints.shared
      if (isEmptyPlan(plan) && !isHinted) return insertThreadAndRun(context.db, { thread, messages, run })
      return context.db.transaction(async (tx) => {
        await applyPlan(context, tx, { project, plan })
        await insertThreadAndRun(tx, { thread, messages, run })
        if (!run.row.lease_owner) await context.hints.announce(tx, { kind: 'queue' })
      })
    },
    bringsFiles: fillsStores(plan),
  })
}

/** `POST /threads/{thread_id}/runs`; the thread row's lock and the index on active runs are the thread lock. */
export async function createRun(
  context: Context,
  thread_id: string,
  request: CreateRunRequest,
  asked: Asked,
): Promise<StartedRun> {
  const { project } = asked
  const settings = await settingsFor(context, request, asked).catch(async (error: unknown) => {
    // What the path names is missed first; the look is worth it only when the call fails anyway.
    if (await findThread(context.db, project, thread_id)) throw error
    throw errors.notFound('thread', thread_id)
  })
  const now = nowSeconds(context.clock)
  const messages = makeMessages(request.additional_messages ?? [], thread_id, now)
  const row = newRow(context, { project, thread_id, request, settings, now })
  const plan = planForMessages(request.additional_messages, 'additional_messages')
  try {
    return await startRun(context, {
      row,
      first: [],
      bringsFiles: plan.searched.length > 0,
      insert: (run) =>
        context.db.transaction(async (tx) => {
          await lockFiles(tx, { project, plan })
          const thread = await checkThread(tx, { project, thread_id, messages, settings })
          await attachToThread(context, tx, { project, thread, messages: request.additional_messages })
          await insertMessages(tx, project, messages)
          await insertRun(tx, run)
          if (!run.row.lease_owner) await context.hints.announce(tx, { kind: 'queue' })
        }),
    })
  } catch (error) {
    if (!isActiveRunConflict(error)) throw error
    throw errors.activeRun(thread_id, (await activeRunId(context.db, thread_id)) ?? row.id)
  }
}

async function settingsFor(
  context: Context,
  request: CreateRunRequest | CreateThreadAndRunRequest,
  asked: Asked,
): Promise<RunSettings> {
  const assistant = await findStoredAssistant(context.db, asked.project, request.assistant_id)
  if (!assistant) throw errors.notFound('assistant', request.assistant_id)
  return runSettings(context, assistant, request, asked)
}

async function checkThread(
  tx: Queryable,
  options: { project: string; thread_id: string; messages: Message[]; settings: RunSettings },
): Promise<Thread> {
  const { project, thread_id, messages, settings } = options
  const thread = await lockThread(tx, project, thread_id, 'exclusive')
  if (!thread) throw errors.notFound('thread', thread_id)
  const active = await activeRunId(tx, thread_id)
  if (active) throw errors.activeRun(thread_id, active)
  if (!settings.instructions) {
    checkRunnable(messages.some(isUsers) || (await hasUserMessage(tx, thread_id)), settings)
  }
  return thread
}

const isUsers = (message: Message) => message.role === 'user'

function checkRunnable(isAsked: boolean, settings: RunSettings): void {
  if (!isAsked && !settings.instructions) throw errors.invalidThread()
}

function newRow(
  context: Context,
  made: {
    project: string
    thread_id: string
    request: CreateRunRequest | CreateThreadAndRunRequest
    settings: RunSettings
    now: number
  },
): RunRow {
  const { project, thread_id, request, settings, now } = made
  const deadline = now + context.runExpiresSeconds
  return {
    id: newId('run'),
    project,
    thread_id,
    assistant_id: request.assistant_id,
    status: 'queued',
    created_at: now,
    started_at: null,
    expires_at: deadline,
    deadline,
    cancelled_at: null,
    failed_at: null,
    completed_at: null,
    required_action: null,
    last_error: null,
    incomplete_details: null,
    usage: null,
    metadata: request.metadata ?? {},
    settings,
    event_count: 0,
    revision: 0,
    lease_owner: null,
    attempt: 0,
    takeovers: 0,
    trace: [],
  }
}

/**
 * Commits the run as queued, and where this process has a free slot as taken already; then begins it. `insert`
 * must commit the row with the entries it is given.
 */
async function startRun(
  context: Context,
  start: {
    row: RunRow
    first: Entry[]
    insert: (run: { row: RunRow; entries: Entry[] }) => Promise<void>
    /** Whether files come along that are to be read into a vector store. */
    bringsFiles: boolean
  },
): Promise<StartedRun> {
  const queued = toRun(start.row)
  const entries = [
    ...start.first,
    runEntry('thread.run.created', queued),
    runEntry('thread.run.queued', queued),
  ]
  const isNewThread = start.first.length > 0
  const slot = isNewThread ? context.handoff.reserve() : await reserveSlot(context, start.row.thread_id)
  const { row, entries: all } = slot
    ? claimed(context, start.row, entries, slot)
    : { row: start.row, entries }
  try {
    await start.insert({ row, entries: all })
  } catch (error) {
    slot?.release()
    throw error
  }
  if (slot) slot.take({ ...row, event_count: all.length }, numbered(all, 1))
  else context.hints.tell({ kind: 'queue' })
  if (start.bringsFiles) context.hints.tell({ kind: 'ingest' })
  return { run: queued, after: 0 }
}

/** A queued row as the worker of this process takes it, with the entry that says so. */
export function claimed(
  context: Context,
  row: RunRow,
  entries: Entry[],
  slot: Pick<Slot, 'worker'>,
): { row: RunRow; entries: Entry[] } {
  const taken: RunRow = {
    ...row,
    ...fieldsAfter(row, 'claim', { now: nowSeconds(context.clock) }),
    lease_owner: slot.worker,
    attempt: row.attempt + 1,
  }
  return { row: taken, entries: [...entries, runEntry('thread.run.in_progress', toRun(taken))] }
}

export function numbered(entries: Entry[], first: number): NumberedEntry[] {
  return entries.map((entry, index) => ({ ...entry, number: first + index }))
}
