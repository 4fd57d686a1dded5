/** Plays a scenario with faults: killed processes are replaced, and the client continues. */
import { cancelRun } from '../../../src/domain/runs.ts'
import { createRun } from '../../../src/domain/create-run.ts'
import { createThread } from '../../../src/domain/threads.ts'
import { createAssistant } from '../../../src/domain/assistants.ts'
import { createVectorStore } from '../../../src/domain/vector-stores.ts'
import { submitToolOutputs } from '../../../src/domain/submit-tool-outputs.ts'
import { DatabaseUnavailable } from '../../../src/database/database.ts'
import type { ChatModel, ChatRequest, ModelPart } from '../../../src/models/port.ts'
import { hasEnded } from '../../../src/runs/state.ts'
import { newHexId } from '../../../src/util/ids.ts'
import type { RunKey, RunRow } from '../../../src/sql/runs.ts'
import type { RecordedCall } from '../../../src/sql/run-steps.ts'
import { EngineProcess, type Pace, type World } from './engine-process.ts'
import { Gate, type Fault } from './gate.ts'
import { newestRun, recordedCalls } from './rows.ts'
import type { Interruption, Scenario } from './scenarios.ts'

const project = 'default'

/** More rounds than any scenario needs with all its faults. */
const mostRounds = 40

export interface Play {
  thread_id: string
  /** The processes, the first one first. */
  gates: Gate[]
  /** Processes that were killed, or are paused. */
  stopped: EngineProcess[]
  /** What the server has acknowledged: the run, and its cancel. */
  acknowledged: { run_id?: string; isCancelled?: boolean }
  /** Calls that were in the database when a process was stopped, and how many cells had begun until then. */
  atStop: { calls: RecordedCall[]; cells: number }[]
}

interface Parts {
  scenario: Scenario
  pace: Pace
  /** The fault of the first process, of the second … */
  faults: readonly Fault[]
}

export async function play(world: World, parts: Parts): Promise<Play> {
  const { thread_id, assistant_id } = await place(world, parts.scenario)
  const shown: Play = { thread_id, gates: [], stopped: [], acknowledged: {}, atStop: [] }
  let process = await startProcess(world, parts, shown)
  for (let round = 0; round < mostRounds; round += 1) {
    if (process.gate.isStopped) {
      await process.gate.isQuiet()
      shown.atStop.push({ calls: await recordedCalls(world.db, thread_id), cells: world.cells.length })
      shown.stopped.push(process)
      // The pause before the next recovery has its own tests.
      await world.db.query({
        text: `update runs set claimable_at = '-infinity' where thread_id = $1`,
        values: [thread_id],
      })
      process = await startProcess(world, parts, shown)
    }
    const run = await newestRun(world.db, thread_id)
    if (run && hasEnded(run)) {
      await unlessStopped(process, process.isIdle())
      if (process.gate.isStopped) continue
      await process.gate.isQuiet()
      await resumePaused(shown)
      return shown
    }
    await unlessStopped(process, advance(process, { shown, assistant_id, parts, run }))
    await unlessStopped(process, process.isIdle())
  }
  throw new Error(`the run is stuck: ${JSON.stringify(await newestRun(world.db, thread_id))}`)
}

/** Resumes the paused processes; they find that they no longer own their run. */
async function resumePaused({ stopped }: Play): Promise<void> {
  for (const process of stopped.splice(0)) {
    if (!process.gate.wasPaused) continue
    process.gate.resume()
    await process.beat()
    await process.isIdle()
    await process.gate.isQuiet()
  }
}

/** A thread with a message, and an assistant with the tools. */
async function place(
  world: World,
  { tools }: Scenario,
): Promise<{ thread_id: string; assistant_id: string }> {
  const { context } = new EngineProcess(world, {
    gate: new Gate(),
    worker: '',
    pace: 'at once',
    model: silent,
  })
  const store = await createVectorStore(context, project, { file_ids: [] })
  const assistant = await createAssistant(context, project, {
    model: 'scripted',
    tools: tools ?? [],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  const thread = await createThread(context, project, { messages: [{ role: 'user', content: 'Hello' }] })
  return { thread_id: thread.id, assistant_id: assistant.id }
}

const silent = (): ChatModel => ({
  stream() {
    throw new Error('nobody works on runs here')
  },
})

async function startProcess(
  world: World,
  { scenario, pace, faults }: Parts,
  shown: Play,
): Promise<EngineProcess> {
  const gate = new Gate(faults[shown.gates.length])
  shown.gates.push(gate)
  const process = new EngineProcess(world, {
    gate,
    worker: newHexId('worker_'),
    pace,
    model: (owner) => scriptedModel(owner, { scenario, pace, shown, world }),
  })
  await process.start()
  return process
}

/** The next action of the client or of the worker. When the database is unavailable it is repeated later. */
async function advance(
  process: EngineProcess,
  {
    shown,
    assistant_id,
    parts,
    run,
  }: { shown: Play; assistant_id: string; parts: Parts; run: RunRow | undefined },
): Promise<void> {
  const { context } = process
  const { thread_id, acknowledged } = shown
  try {
    if (!run) {
      const options = { project, include_search_content: false }
      const request = { assistant_id, parallel_tool_calls: true }
      acknowledged.run_id = (await createRun(context, thread_id, request, options)).run.id
    } else if (run.status !== 'requires_action') await process.look()
    else if (parts.scenario.answer === 'submit') {
      const waiting = run.required_action?.submit_tool_outputs.tool_calls ?? []
      const tool_outputs = waiting.map(({ id }) => ({ tool_call_id: id, output: outputOf(id) }))
      await submitToolOutputs(context, { project, thread_id, id: run.id }, { tool_outputs })
    } else if (parts.scenario.answer === 'cancel') await cancel(process, run, shown)
    else {
      process.passDeadline(run.deadline)
      await process.look()
    }
  } catch (error) {
    unlessUnavailable(error)
  }
}

/** The output that the client submits for a call. */
export const outputOf = (call_id: string) => `output of ${call_id}`

async function cancel(
  { context }: EngineProcess,
  { id, thread_id }: RunRow,
  { acknowledged }: Play,
): Promise<void> {
  const key: RunKey = { project, thread_id, id }
  await cancelRun(context, key)
  acknowledged.isCancelled = true
}

function unlessUnavailable(error: unknown): void {
  if (!(error instanceof DatabaseUnavailable)) throw error
}

/** Waits for the work of a process, or until the process is stopped. */
async function unlessStopped({ gate }: EngineProcess, work: Promise<void>): Promise<void> {
  await Promise.race([work, gate.stopped])
}

interface ModelParts {
  scenario: Scenario
  pace: Pace
  shown: Play
  world: World
}

function scriptedModel(process: EngineProcess, parts: ModelParts): ChatModel {
  const { gate } = process
  return {
    async *stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
      const past = request.messages.filter((message) => message.role === 'assistant' && message.tool_calls)
      await gate.effect('model call', async () => {})
      for (const part of parts.scenario.turns[past.length] ?? []) {
        if (parts.pace === 'piecewise') await gate.isQuiet()
        // At the other pace an earlier owner that was paused goes on while this one works.
        else if (part.type !== 'interrupted') await resumePaused(parts.shown)
        await gate.effect(`model sends ${part.type}`, async () => {})
        signal.throwIfAborted()
        if (part.type === 'interrupted') await interrupt(process, part, { ...parts, signal })
        else if (part.type === 'failure') throw part.error
        else yield part
      }
    },
  }
}

/** The model is silent until it is stopped. */
async function interrupt(
  process: EngineProcess,
  { by }: Interruption,
  { world, shown, signal }: ModelParts & { signal: AbortSignal },
): Promise<void> {
  const run = await newestRun(world.db, shown.thread_id)
  if (!run) throw new Error('expected a run')
  while (!signal.aborted) {
    try {
      const now = await newestRun(world.db, shown.thread_id)
      if (by === 'deadline') process.passDeadline(run.deadline)
      else if (now?.status === 'in_progress') await cancel(process, run, shown)
      await process.look()
    } catch (error) {
      unlessUnavailable(error)
    }
  }
  signal.throwIfAborted()
}
