/** The loop: load the context, ask the model, run the tools, decide. */
import type { Run } from '../api/runs.ts'
import { closeObjects, type Ending } from '../domain/close-objects.ts'
import { runStatusEntry } from '../domain/run-entries.ts'
import { fieldsAfter, type MoveDetails, type RunMove } from '../domain/run-status.ts'
import { spentOn, sumUsage } from '../domain/usage.ts'
import type { Change, RunRecord } from '../runs/run-record.ts'
import type { ResolvedModel } from '../models/open.ts'
import type { RecordedTurn, StepRow } from '../sql/run-steps.ts'
import { stepsOfRun } from '../sql/run-steps.ts'
import type { OfferedTool } from '../tools/port.ts'
import { offerTools } from '../tools/registry.ts'
import { nowSeconds } from '../util/clock.ts'
import { storable } from '../util/text-joiner.ts'
import { askModel, type Turn } from './ask-model.ts'
import { buildRequest } from './build-request.ts'
import { maxTurns, type Engine } from './engine.ts'
import { lastError, RunFailure, RunStopped } from './failure.ts'
import { nextTurn, remaining } from './next-turn.ts'
import { runTools } from './run-tools.ts'
import { TurnWriter } from './turn-writer.ts'

/** Works on a run until it ends, waits for the client, or is stopped; never throws. */
export async function executeRun(engine: Engine, record: RunRecord, stop: AbortSignal): Promise<void> {
  record.closings = (open) =>
    closeObjects(
      open,
      { reason: 'failed', last_error: lastError(undefined) },
      { now: now(engine), usage: null },
    ).entries
  const signal = AbortSignal.any([stop, record.lost])
  try {
    await new RunExecution(engine, record, signal).run()
  } catch (error) {
    await endEarly(engine, record, stop, error)
  }
}

function now(engine: Engine): number {
  return nowSeconds(engine.context.clock)
}

/** One stretch of work on a run, from its claim to its end or the next wait. */
class RunExecution {
  readonly #engine: Engine
  readonly #record: RunRecord
  readonly #signal: AbortSignal
  /** Usage of the steps that are recorded. */
  #spent: Run['usage'] = null
  #turns = 0
  /** The last turn where it called unknown functions only: no step records it, but the model must see its mistake. */
  #unrecorded: RecordedTurn | undefined

  constructor(engine: Engine, record: RunRecord, signal: AbortSignal) {
    this.#engine = engine
    this.#record = record
    this.#signal = signal
  }

  async run(): Promise<void> {
    const { settings } = this.#record.row
    const model = this.#engine.models.resolve(settings.model)
    if (!model)
      throw new RunFailure('invalid_prompt', `The requested model '${settings.model}' does not exist.`)
    this.#record.trace({ at: now(this.#engine), kind: 'model', model: `${model.provider}/${model.model}` })
    const offered = await offerTools(this.#engine.tools, this.#record.row, this.#signal)
    const steps =
      this.#record.row.event_count > 4 ? await stepsOfRun(this.#engine.context.db, this.#record.row.id) : []
    this.#spent = sumUsage(steps.map((step) => step.usage))
    this.#turns = steps.filter((step) => step.type === 'tool_calls').length
    const unfinished = steps.findLast((step) => step.status === 'in_progress' && step.turn)
    if (unfinished && (await this.#resume(unfinished, offered)) !== 'again') return
    while ((await this.#turn(model, offered)) === 'again');
  }

  async #turn(model: ResolvedModel, offered: OfferedTool[]): Promise<'again' | 'done'> {
    if (++this.#turns > maxTurns)
      throw new RunFailure('server_error', `The run took more than ${maxTurns} turns.`)
    const { engine, record, signal } = this.#parts()
    const { settings } = record.row
    const completionLeft = remaining(settings.max_completion_tokens, this.#spent?.completion_tokens ?? 0)
    const promptLeft = remaining(settings.max_prompt_tokens, this.#spent?.prompt_tokens ?? 0)
    if (completionLeft === 0) return this.#exhaust('max_completion_tokens')
    const built = await buildRequest(engine, record, {
      model,
      offered,
      unrecorded: this.#unrecorded,
      isFirstTurn: this.#turns === 1,
      completionLeft,
      promptLeft,
    })
    if (built === 'prompt_too_long') return this.#exhaust('max_prompt_tokens')
    await engine.confirmed(signal)
    const { request, findings } = built
    // A model that calls all the same is told that there is nothing to call.
    const tools = settings.tool_choice === 'none' ? [] : offered
    const writer = new TurnWriter(record, { tools, clock: engine.context.clock, findings })
    const turn = await askModel(model, request, writer, signal)
    return this.#finish(writer, turn)
  }

  /** Goes on with a step whose calls an earlier owner of the run had recorded. */
  async #resume(step: StepRow, offered: OfferedTool[]): Promise<'again' | 'done'> {
    const findings = { marks: [], image_file_ids: [] }
    const { clock } = this.#engine.context
    const writer = new TurnWriter(this.#record, { tools: offered, clock, findings })
    writer.resume(step)
    const usage = step.turn?.usage ?? sumUsage([])
    return this.#finish(writer, { finish_reason: 'tool_calls', usage })
  }

  async #finish(writer: TurnWriter, turn: Turn): Promise<'again' | 'done'> {
    const { usage } = turn
    const isCut = turn.finish_reason === 'length' || turn.finish_reason === 'content_filter'
    const { engine, record, signal } = this.#parts()
    if (!isCut) await writer.sayLateText()
    const tools = isCut ? undefined : await runTools(engine, record, writer, { usage, signal })
    const decision = nextTurn({
      finish_reason: turn.finish_reason,
      waitsForClient: (tools?.waiting.length ?? 0) > 0,
      calledTools: writer.calls.length > 0,
    })
    this.#unrecorded = tools && !writer.toolStep ? writer.turn({ calls: tools.calls, usage }) : undefined
    const spent = sumUsage([this.#spent, usage])
    switch (decision) {
      case 'require_action':
        return this.#requireAction(writer, tools?.waiting ?? [])
      case 'again': {
        const ended = writer.ended({ status: 'completed' }, usage)
        await this.#commit({ ...ended, entries: () => ended.entries, recorded: true })
        this.#record.open = {}
        this.#spent = spent
        return 'again'
      }
      case 'complete':
        return this.#end(writer.ended({ status: 'completed' }, usage), 'complete', { usage: spent })
      case 'exhaust_completion_tokens': {
        const incomplete_details = { reason: 'max_completion_tokens' as const }
        const ended = writer.ended({ status: 'incomplete', reason: 'max_tokens' }, usage)
        return this.#end(ended, 'exhaust', { usage: spent, incomplete_details })
      }
      case 'content_filter': {
        const incomplete_details = { reason: 'content_filter' as const }
        const ended = writer.ended({ status: 'incomplete', reason: 'content_filter' }, usage)
        return this.#end(ended, 'exhaust', { usage: spent, incomplete_details })
      }
    }
  }

  async #requireAction(writer: TurnWriter, waiting: unknown[]): Promise<'done'> {
    const tool_calls = waiting.map((call) => requiredCall(call))
    const required_action = { type: 'submit_tool_outputs' as const, submit_tool_outputs: { tool_calls } }
    const steps = writer.toolStep ? [writer.toolStep] : []
    return this.#end({ messages: [], steps, entries: [] }, 'require_action', { required_action })
  }

  /** A budget was used up before the model could be asked. */
  async #exhaust(reason: 'max_completion_tokens' | 'max_prompt_tokens'): Promise<'done'> {
    const details = { usage: this.#spent ?? sumUsage([]), incomplete_details: { reason } }
    return this.#end({ messages: [], steps: [], entries: [] }, 'exhaust', details)
  }

  async #end(
    ended: ReturnType<TurnWriter['ended']>,
    move: RunMove,
    details: Omit<MoveDetails, 'now'>,
  ): Promise<'done'> {
    const fields = fieldsAfter(this.#record.row, move, { now: now(this.#engine), ...details })
    await this.#commit({
      fields,
      messages: ended.messages,
      steps: ended.steps,
      entries: (run) => [...ended.entries, runStatusEntry(run)],
      releases: true,
      recorded: true,
    })
    return 'done'
  }

  async #commit(change: Change): Promise<void> {
    const result = await this.#record.commit(change)
    if (result !== 'written') throw new RunStopped(result === 'cancelling' ? 'cancelled' : 'lost')
  }

  #parts() {
    return { engine: this.#engine, record: this.#record, signal: this.#signal }
  }
}

function requiredCall(call: unknown) {
  const {
    id,
    type,
    function: called,
  } = call as { id: string; type: string; function?: { name: string; arguments: string } }
  if (type !== 'function' || !called) throw new Error(`expected call ${id} to be a function call`)
  return { id, type: 'function' as const, function: { name: called.name, arguments: called.arguments } }
}

/** Ends a run whose work was stopped or failed. A cancel that came first wins over every other ending. */
async function endEarly(engine: Engine, record: RunRecord, stop: AbortSignal, error: unknown): Promise<void> {
  const reason: unknown = stop.aborted ? stop.reason : error
  const why = record.lost.aborted ? 'lost' : reason instanceof RunStopped ? reason.why : 'failed'
  if (why === 'lost' || why === 'stopping') return
  try {
    // The row may have been read as `cancelling` before any hint of the cancel came.
    if (record.row.status === 'cancelling') {
      await endAs(engine, record, { reason: 'cancelled' })
      return
    }
    if (why === 'cancelled' || why === 'expired') {
      await endAs(engine, record, { reason: why })
      return
    }
    const last_error = lastError(error)
    engine.context.log('error', 'a run failed', { run_id: record.row.id, code: last_error.code, error })
    record.trace({ at: now(engine), kind: 'failed', ...last_error, ...causeOf(error) })
    await endAs(engine, record, { reason: 'failed', last_error })
  } catch (failure) {
    engine.context.log('error', 'a run could not be ended', { run_id: record.row.id, error: failure })
    record.lose()
  }
}

/** What the user is not told: drivers leave keys and addresses out of it. */
function causeOf(error: unknown): { cause?: string } {
  const { cause } = error as { cause?: unknown }
  return cause instanceof Error ? { cause: storable(cause.message) } : {}
}

async function endAs(engine: Engine, record: RunRecord, ending: Ending): Promise<void> {
  const at = now(engine)
  const isCancel = ending.reason === 'cancelled'
  const move = isCancel ? 'close_cancel' : ending.reason === 'expired' ? 'expire' : 'fail'
  const steps = await stepsOfRun(engine.context.db, record.row.id)
  // A step that was taken over is open before the work on it begins.
  const step = record.open.step ?? steps.findLast((one) => one.status === 'in_progress')
  const usage = sumUsage(steps.map((one) => spentOn(one.id === step?.id ? step : one)))
  const closed = closeObjects({ ...record.open, step }, ending, { now: at, usage: spentOn(step) })
  const details = { now: at, usage, ...(ending.reason === 'failed' && { last_error: ending.last_error }) }
  const result = await record.commit({
    fields: fieldsAfter(isCancel ? { ...record.row, status: 'cancelling' } : record.row, move, details),
    messages: closed.messages,
    steps: closed.steps,
    entries: (run) => [...closed.entries, runStatusEntry(run)],
    closesCancel: isCancel,
    releases: true,
  })
  if (result === 'cancelling') await endAs(engine, record, { reason: 'cancelled' })
}
