/** The loop: load the context, ask the model, run the tools, decide. */
import { DatabaseUnavailable } from '../database/database.ts'
import { retryingReads } from '../database/retry.ts'
import type { Message } from '../api/messages.ts'
import type { ResolvedModel } from '../models/open.ts'
import type { OwnedRun } from '../runs/owned-run.ts'
import type { Fact, TurnOutcome } from '../runs/state.ts'
import { withMessages } from '../runs/turn.ts'
import { noUsage } from '../runs/usage.ts'
import type { RecordedTurn, StepRow } from '../sql/run-steps.ts'
import type { OfferedTool } from '../tools/port.ts'
import { offerTools } from '../tools/registry.ts'
import { nowSeconds } from '../util/clock.ts'
import { storable } from '../util/text-joiner.ts'
import { askModel, type AnswerEnd } from './ask-model.ts'
import { buildRequest } from './build-request.ts'
import { maxTurns, type Engine } from './engine.ts'
import { lastError, RunFailure, RunStopped } from './failure.ts'
import { decide, remaining, type Decision } from './decide.ts'
import { runTools, type ToolsRun } from './run-tools.ts'
import { WorkTrace } from './trace-work.ts'
import { TurnWriter } from './turn-writer.ts'

/**
 * Works on a run until it ends, waits for the client, or is stopped; never throws. `newThread`: all messages of a
 * thread that was created with the run, which then are not read from the database.
 */
export async function executeRun(
  engine: Engine,
  run: OwnedRun,
  stop: AbortSignal,
  newThread?: readonly Message[],
): Promise<void> {
  const signal = AbortSignal.any([stop, run.lost])
  // A database that is unavailable delays a run; it does not fail it.
  const db = retryingReads(engine.context.db, signal)
  const work = new WorkTrace(engine.workWriter, run.row)
  try {
    const retrying = { ...engine, context: { ...engine.context, db } }
    await new RunExecution(retrying, run, { signal, work, newThread }).run()
  } catch (error) {
    await endEarly(engine, run, stop, error)
  }
  work.end(run.row)
}

function now(engine: Engine): number {
  return nowSeconds(engine.context.clock)
}

/** One stretch of work on a run, from its claim to its end or the next wait. */
class RunExecution {
  readonly #engine: Engine
  readonly #run: OwnedRun
  readonly #signal: AbortSignal
  readonly #work: WorkTrace
  /** For the first turn only: later ones have steps. */
  #newThread: readonly Message[] | undefined
  /** The last turn where it called unknown functions only: no step shows it, but the model must see its mistake. */
  #unrecorded: RecordedTurn | undefined

  constructor(
    engine: Engine,
    run: OwnedRun,
    parts: { signal: AbortSignal; work: WorkTrace; newThread: readonly Message[] | undefined },
  ) {
    this.#engine = engine
    this.#run = run
    this.#signal = parts.signal
    this.#work = parts.work
    this.#newThread = parts.newThread
  }

  async run(): Promise<void> {
    const { settings } = this.#run.row
    const model = this.#engine.models.resolve(settings.model)
    if (!model)
      throw new RunFailure('invalid_prompt', `The requested model '${settings.model}' does not exist.`)
    this.#run.trace({ at: now(this.#engine), kind: 'model', model: `${model.provider}/${model.model}` })
    const offered = await offerTools(this.#engine.tools, this.#run.row, this.#signal)
    const recorded = this.#run.state.openTurn?.callsStep
    if (recorded && (await this.#resume(recorded, offered)) === 'done') return
    while ((await this.#turn(model, offered)) === 'again');
  }

  async #turn(model: ResolvedModel, offered: OfferedTool[]): Promise<'again' | 'done'> {
    const { engine, run, signal } = this.#parts()
    const { spent, turns } = run.state
    if (turns >= maxTurns) throw new RunFailure('server_error', `The run took more than ${maxTurns} turns.`)
    const { settings } = run.row
    const completionLeft = remaining(settings.max_completion_tokens, spent.completion_tokens)
    const promptLeft = remaining(settings.max_prompt_tokens, spent.prompt_tokens)
    if (completionLeft === 0) return this.#exhausted('max_completion_tokens')
    const built = await buildRequest(engine, run, {
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
    await engine.confirmed(signal)
    const { request, findings, left_out } = built
    // A model that calls a tool in spite of that is answered that it does not exist.
    const tools = settings.tool_choice === 'none' ? [] : offered
    const writer = new TurnWriter(run, { tools, clock: engine.context.clock, findings })
    const end = await askModel(this.#work.watch(model, left_out), request, writer, signal)
    return this.#finish(writer, end)
  }

  /** Continues with a step whose calls an earlier attempt of the run has recorded. */
  async #resume(step: StepRow, offered: OfferedTool[]): Promise<'again' | 'done'> {
    const findings = { marks: [], image_file_ids: [] }
    const { clock } = this.#engine.context
    const writer = new TurnWriter(this.#run, { tools: offered, clock, findings })
    writer.resume(step)
    return this.#finish(writer, { finish_reason: 'tool_calls', usage: step.turn?.usage ?? noUsage })
  }

  async #finish(writer: TurnWriter, end: AnswerEnd): Promise<'again' | 'done'> {
    const { engine, run, signal } = this.#parts()
    const { finish_reason, usage } = end
    const isCut = finish_reason === 'length' || finish_reason === 'content_filter'
    if (isCut) writer.flushText()
    else writer.addLateText()
    const options = { usage, signal, work: this.#work }
    const tools = isCut ? undefined : await runTools(engine, run, writer, options)
    const waiting = tools?.waiting ?? []
    const decision = decide({
      finish_reason,
      waitsForClient: waiting.length > 0,
      calledTools: writer.calls.length > 0,
    })
    if (decision === 'require_action') {
      return this.#move({ kind: 'client must answer', at: now(engine), calls: waiting })
    }
    writer.flushText()
    const recorded = this.#recordOf(writer, end, tools)
    this.#unrecorded = decision === 'again' ? recorded : undefined
    const outcome = outcomes[decision]
    const ended: Fact = { kind: 'turn ended', at: now(engine), usage, outcome, turn: recorded }
    if (outcome !== 'continue') return this.#move(ended)
    run.apply(ended)
    if ((await run.flush()) === 'lost') throw new RunStopped('lost')
    return 'again'
  }

  /** The record of a turn that has no step of calls. */
  #recordOf(writer: TurnWriter, { usage }: AnswerEnd, tools: ToolsRun | undefined): RecordedTurn | undefined {
    if (this.#run.state.openTurn?.callsStep) return undefined
    const calls = tools?.calls ?? []
    if (calls.length === 0 && !writer.hasExtras) return undefined
    return withMessages(this.#run.state, writer.turn({ calls, usage }))
  }

  /** A budget was used up before the model could be called. */
  async #exhausted(reason: 'max_completion_tokens' | 'max_prompt_tokens'): Promise<'done'> {
    return this.#move({ kind: 'budget exhausted', at: now(this.#engine), reason })
  }

  async #move(fact: Fact): Promise<'done'> {
    if ((await this.#run.move(fact)) === 'lost') throw new RunStopped('lost')
    return 'done'
  }

  #parts() {
    return { engine: this.#engine, run: this.#run, signal: this.#signal }
  }
}

const outcomes: Record<Exclude<Decision, 'require_action'>, TurnOutcome> = {
  again: 'continue',
  complete: 'complete',
  exhaust_completion_tokens: 'max_tokens',
  content_filter: 'content_filter',
}

/** Ends a run whose work was stopped or failed. */
async function endEarly(engine: Engine, run: OwnedRun, stop: AbortSignal, error: unknown): Promise<void> {
  const reason: unknown = stop.aborted ? stop.reason : error
  const why = run.lost.aborted ? 'lost' : reason instanceof RunStopped ? reason.why : 'failed'
  if (why === 'lost' || why === 'stopping') return
  const at = now(engine)
  const { log } = engine.context
  const { id: run_id } = run.row
  try {
    if (why !== 'failed') {
      await run.move({ kind: 'stopped', at, ending: { reason: why } })
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
    await run.move({ kind: 'stopped', at, ending: { reason: 'failed', last_error } })
  } catch (failure) {
    log('error', 'a run could not be ended', { run_id, error: failure })
    run.lose()
  }
}

/** What the user does not see: drivers leave keys and addresses out of it. */
function causeOf(error: unknown): { cause?: string } {
  if (!(error instanceof Error)) return {}
  const { cause } = error
  if (cause instanceof Error) return { cause: storable(cause.message) }
  return lastError(error).message === error.message ? {} : { cause: storable(error.message) }
}
