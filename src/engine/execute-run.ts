/** The loop of a run: build the request, ask the model, run the tools, decide. */
import { DatabaseUnavailable, type Database } from '../database/database.ts'
import { retryingReads } from '../database/retry.ts'
import type { Message } from '../api/messages.ts'
import type { Models, ResolvedModel } from '../models/open.ts'
import type { FinishReason } from '../models/port.ts'
import type { OwnedRun } from '../runs/owned-run.ts'
import type { Fact, TurnOutcome } from '../runs/state.ts'
import { withMessages } from '../runs/turn.ts'
import { noUsage } from '../api/runs.ts'
import type { RecordedTurn, StepRow } from '../sql/run-steps.ts'
import type { OfferedTool } from '../tools/port.ts'
import { offerTools, type Tools } from '../tools/registry.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { storableText } from '../util/storable-text.ts'
import { askModel, type AnswerEnd } from './ask-model.ts'
import { buildRequest, type RequestDependencies } from './build-request.ts'
import { lastError, RunFailure, RunStopped } from './failure.ts'
import { runTools, type ToolsDependencies, type ToolsRun } from './run-tools.ts'
import { WorkTrace } from './trace-work.ts'
import { TurnWriter } from './turn-writer.ts'
import type { WorkWriter } from './work-writer.ts'

/** What the work on runs uses; the worker creates it once. */
export interface RunDependencies extends RequestDependencies, ToolsDependencies {
  db: Database
  log: Log
  models: Pick<Models, 'resolve'>
  tools: Tools
  workWriter: WorkWriter
}

/** A run with more turns than this is assumed to repeat itself, and fails. */
const maxTurns = 50

/**
 * Works on a run until it ends, waits for the client, or is stopped; never throws. `newThread`: all messages of a
 * thread that was created with the run, which then are not read from the database.
 */
export async function executeRun(
  dependencies: RunDependencies,
  run: OwnedRun,
  stop: AbortSignal,
  newThread?: readonly Message[],
): Promise<void> {
  const signal = AbortSignal.any([stop, run.lost])
  // A database that is unavailable delays a run; it does not fail it.
  const db = retryingReads(dependencies.db, signal)
  const work = new WorkTrace(dependencies.workWriter, run.row)
  try {
    await new RunExecution({ dependencies: { ...dependencies, db }, run, signal, work }, newThread).run()
  } catch (error) {
    await endEarly(dependencies, run, stop, error)
  }
  work.end(run.row)
}

/** What the work on one run uses. */
interface Execution {
  dependencies: RunDependencies
  run: OwnedRun
  signal: AbortSignal
  work: WorkTrace
}

/** The work on a run from its claim to its end or its next wait for the client. */
class RunExecution {
  readonly #parts: Execution
  /** For the first turn only: later ones have steps. */
  #newThread: readonly Message[] | undefined
  /** The last turn, if it called unknown functions only: no step shows it, but the model must see its mistake. */
  #unrecorded: RecordedTurn | undefined

  constructor(parts: Execution, newThread: readonly Message[] | undefined) {
    this.#parts = parts
    this.#newThread = newThread
  }

  async run(): Promise<void> {
    const { dependencies, run, signal } = this.#parts
    const { settings } = run.row
    const model = dependencies.models.resolve(settings.model)
    if (!model)
      throw new RunFailure('invalid_prompt', `The requested model '${settings.model}' does not exist.`)
    run.trace({ at: this.#now(), kind: 'model', model: `${model.provider}/${model.model}` })
    const offered = await offerTools(dependencies.tools, run.row, signal)
    const recorded = run.state.openTurn?.callsStep
    if (recorded && (await this.#resume(recorded, offered)) === 'done') return
    while ((await this.#turn(model, offered)) === 'again');
  }

  async #turn(model: ResolvedModel, offered: OfferedTool[]): Promise<'again' | 'done'> {
    const { dependencies, run, signal, work } = this.#parts
    const { spent, turns } = run.state
    if (turns >= maxTurns) throw new RunFailure('server_error', `The run took more than ${maxTurns} turns.`)
    const { settings } = run.row
    const completionLeft = remaining(settings.max_completion_tokens, spent.completion_tokens)
    const promptLeft = remaining(settings.max_prompt_tokens, spent.prompt_tokens)
    if (completionLeft === 0) return this.#exhausted('max_completion_tokens')
    const built = await buildRequest(dependencies, run, {
      model,
      offered,
      unrecorded: this.#unrecorded,
      isFirstTurn: turns === 0,
      completionLeft,
      promptLeft,
      newThread: this.#newThread,
    })
    this.#newThread = undefined
    if (built === 'prompt_too_long') return this.#exhausted('max_prompt_tokens')
    await dependencies.confirmed(signal)
    const { request, findings, left_out } = built
    // With `none`, a call of a tool is answered like a call of an unknown function.
    const tools = settings.tool_choice === 'none' ? [] : offered
    const writer = new TurnWriter(run, { tools, clock: dependencies.clock, findings })
    const asking = askModel(work.watch(model, left_out), request, writer, signal)
    return this.#finish(writer, await asking.catch((error: unknown) => this.#breakOff(writer, error)))
  }

  /** The answer has broken off. Its text is shown as far as it arrived, except when the next process repeats the turn. */
  #breakOff(writer: TurnWriter, error: unknown): never {
    const { reason } = this.#parts.signal
    const isRepeated = reason instanceof RunStopped && reason.why === 'stopping'
    if (!isRepeated) writer.flushText()
    throw error
  }

  /** Continues with a step whose calls an earlier attempt of the run has recorded. */
  async #resume(step: StepRow, offered: OfferedTool[]): Promise<'again' | 'done'> {
    const findings = { marks: [], image_file_ids: [] }
    const { dependencies, run } = this.#parts
    const writer = new TurnWriter(run, { tools: offered, clock: dependencies.clock, findings })
    writer.resume(step)
    return this.#finish(writer, { finish_reason: 'tool_calls', usage: step.turn?.usage ?? noUsage })
  }

  async #finish(writer: TurnWriter, end: AnswerEnd): Promise<'again' | 'done'> {
    const { dependencies, run, signal, work } = this.#parts
    const { finish_reason, usage } = end
    const isCut = finish_reason === 'length' || finish_reason === 'content_filter'
    writer.addLateText()
    const options = { usage, signal, work }
    const tools = isCut ? undefined : await runTools(dependencies, run, writer, options)
    const waiting = tools?.waiting ?? []
    if (waiting.length > 0) {
      return this.#changeStatus({ kind: 'client must answer', at: this.#now(), calls: waiting })
    }
    writer.flushText()
    const outcome = outcomeOf(finish_reason, writer.calls.length > 0)
    const recorded = this.#recordOf(writer, end, tools)
    this.#unrecorded = outcome === 'continue' ? recorded : undefined
    const ended: Fact = { kind: 'turn ended', at: this.#now(), usage, outcome, turn: recorded }
    if (outcome !== 'continue') return this.#changeStatus(ended)
    run.apply(ended)
    if ((await run.flush()) === 'lost') throw new RunStopped('lost')
    return 'again'
  }

  /** The turn as it is recorded where it has no step of calls. */
  #recordOf(writer: TurnWriter, { usage }: AnswerEnd, tools: ToolsRun | undefined): RecordedTurn | undefined {
    const { state } = this.#parts.run
    if (state.openTurn?.callsStep) return undefined
    const calls = tools?.calls ?? []
    if (calls.length === 0 && !writer.hasExtras) return undefined
    return withMessages(state, writer.turn({ calls, usage }))
  }

  /** A budget was used up before the model could be called. */
  async #exhausted(reason: 'max_completion_tokens' | 'max_prompt_tokens'): Promise<'done'> {
    return this.#changeStatus({ kind: 'budget exhausted', at: this.#now(), reason })
  }

  async #changeStatus(fact: Fact): Promise<'done'> {
    if ((await this.#parts.run.changeStatus(fact)) === 'lost') throw new RunStopped('lost')
    return 'done'
  }

  #now(): number {
    return nowSeconds(this.#parts.dependencies.clock)
  }
}

/** A cut answer ends the run even where it has calls: their arguments may be cut as well. */
function outcomeOf(finish_reason: FinishReason, hasCalls: boolean): TurnOutcome {
  if (finish_reason === 'length') return 'max_tokens'
  if (finish_reason === 'content_filter') return 'content_filter'
  return hasCalls ? 'continue' : 'complete'
}

/** What is left of a budget over the whole run; undefined when there is no budget. */
function remaining(budget: number | null, used: number): number | undefined {
  return budget === null ? undefined : Math.max(0, budget - used)
}

/** Ends a run whose work was stopped or failed. */
async function endEarly(
  { clock, log }: RunDependencies,
  run: OwnedRun,
  stop: AbortSignal,
  error: unknown,
): Promise<void> {
  const reason: unknown = stop.aborted ? stop.reason : error
  const why = run.lost.aborted ? 'lost' : reason instanceof RunStopped ? reason.why : 'failed'
  if (why === 'lost' || why === 'stopping') return
  const at = nowSeconds(clock)
  const { id: run_id } = run.row
  try {
    if (why !== 'failed') {
      await run.changeStatus({ kind: 'stopped', at, ending: { reason: why } })
      return
    }
    if (error instanceof DatabaseUnavailable) {
      // What a tool had to write could not be written: the run is recovered and goes on from what is recorded.
      log('warn', 'a run is released because the database is unavailable', { run_id })
      run.lose()
      return
    }
    const last_error = lastError(error)
    const cause = causeOf(error)
    if (run.row.status !== 'cancelling') {
      log('error', 'a run failed', { run_id, code: last_error.code, error })
      run.trace({ at, kind: 'failed', ...last_error, ...cause })
    }
    await run.changeStatus({ kind: 'stopped', at, ending: { reason: 'failed', last_error } })
  } catch (failure) {
    log('error', 'a run could not be ended', { run_id, error: failure })
    run.lose()
  }
}

/** The cause, which users do not see. Drivers leave keys and addresses out of it. */
function causeOf(error: unknown): { cause?: string } {
  if (!(error instanceof Error)) return {}
  const { cause } = error
  if (cause instanceof Error) return { cause: storableText(cause.message) }
  return lastError(error).message === error.message ? {} : { cause: storableText(error.message) }
}
