/**
 * The port for tools. A tool is one file here plus a line in registry.ts; the run loop asks each for its own answers
 * and knows none by name.
 */
import type { Readable } from 'node:stream'
import type { StepToolCallDelta } from '../api/events.ts'
import type { StepToolCall } from '../api/run-steps.ts'
import type { ToolCallWork } from '../api/run-work.ts'
import type { AssistantTool } from '../api/tools.ts'
import type { ChatTool } from '../models/port.ts'
import type { Mark } from '../sql/run-steps.ts'
import type { RunRow } from '../sql/runs.ts'

export interface Tool {
  readonly type: AssistantTool['type']
  /** What the model is offered for one entry of the run's `tools`; may wait until the tool can be used. */
  offer(tool: AssistantTool, row: RunRow, signal: AbortSignal): Promise<OfferedTool>
}

/** A function as the model sees it, and how its calls look in a run step. */
export interface OfferedTool {
  type: AssistantTool['type']
  /** Its name must be unlike that of every other tool of the run. */
  chat: ChatTool
  /** What the model reads about the tool before the conversation. */
  preamble?: string
  /** The call when the model has just named it. */
  begin(id: string): StepToolCall
  /**
   * Reads the arguments of one call: the returned function takes each fragment in turn and returns what the step
   * shows of it, or undefined. Ids and names are never repeated: clients join the pieces.
   */
  reader(): (fragment: string) => CallDelta | undefined
  /** The call with all its arguments, and no outcome yet. */
  complete(id: string, argumentsText: string): StepToolCall
  /** Runs the call; absent where the client of the API has to answer it. */
  run?: (call: ToolCall, context: ToolContext) => Promise<ToolOutcome>
}

export interface ToolCall {
  id: string
  arguments: string
}

export interface ToolContext {
  row: RunRow
  signal: AbortSignal
  /** Unlike that of every other call in the thread. */
  ordinal: number
  /** Emits a piece of the outcome to those who follow the run. */
  tell: (delta: CallDelta) => void
}

/** What is added to a call of the step. */
export type CallDelta = WithoutIndex<StepToolCallDelta>
type WithoutIndex<Delta> = Delta extends unknown ? Omit<Delta, 'index'> : never

/**
 * The outcome of a call. What goes wrong inside a tool is an outcome that the model can read; only an abort and a
 * broken server are thrown.
 */
export interface ToolOutcome {
  /** The call as the step shows it from now on. */
  call: StepToolCall
  /** What the model reads. */
  output: string
  marks?: Mark[]
  image_file_ids?: string[]
  /** What a search found, for the trace of the run. */
  search?: ToolCallWork['search']
}

/** A tool that cannot work on this server; ends the run, and the message is shown to the user. */
export class ToolFailure extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ToolFailure'
  }
}

/** The files of a project, as tools need them. */
export interface ToolFiles {
  /** Names of those that are there, by id. */
  names(project: string, ids: readonly string[]): Promise<Map<string, string>>
  /** The contents, or undefined when the file is gone. */
  open(project: string, id: string): Promise<Readable | undefined>
  /** Keeps what a tool made; answers the new file's id. Its purpose is `assistants_output`. */
  create(project: string, made: { filename: string; content: Readable }): Promise<string>
}
