/**
 * The port for tools. A tool is one file in this directory and a line in registry.ts. The run loop knows no tool by name.
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
  /** Returns the function for one entry of the run's `tools`. It may wait until the tool can be used. */
  offer(tool: AssistantTool, row: RunRow, signal: AbortSignal): Promise<OfferedTool>
}

/** A function as the model sees it, and how its calls look in a run step. */
export interface OfferedTool {
  type: AssistantTool['type']
  /** Its name must be unique among the tools of the run. */
  chat: ChatTool
  /** A text about the tool that comes before the conversation. */
  preamble?: string
  /** The call in the step, when the model has written the name of the tool. */
  begin(id: string): StepToolCall
  /**
   * Reads the arguments of one call. The returned function takes the fragments in order and returns the delta of the
   * step for each, or undefined. A delta never repeats an id or a name, because clients join the deltas.
   */
  reader(): (fragment: string) => CallDelta | undefined
  /** The call in the step, with all arguments and without an outcome. */
  complete(id: string, argumentsText: string): StepToolCall
  /** Runs the call. Absent when the client of the API runs it. */
  run?: (call: ToolCall, context: ToolContext) => Promise<ToolOutcome>
}

export interface ToolCall {
  id: string
  arguments: string
}

export interface ToolContext {
  row: RunRow
  signal: AbortSignal
  /** The number of the call in the thread, unique there. */
  ordinal: number
  /** Emits a part of the outcome to the readers of the run. */
  emit: (delta: CallDelta) => void
}

/** An addition to a call of the step. */
export type CallDelta = WithoutIndex<StepToolCallDelta>
type WithoutIndex<Delta> = Delta extends unknown ? Omit<Delta, 'index'> : never

/**
 * The outcome of a call. An error within a tool is an outcome that the model can read. Only an abort and a failure of
 * the server are thrown.
 */
export interface ToolOutcome {
  /** The call in the step, with its outcome. */
  call: StepToolCall
  /** The output for the model. */
  output: string
  marks?: Mark[]
  image_file_ids?: string[]
  /** The results of a search, for the trace of the run. */
  search?: ToolCallWork['search']
}

/** Thrown by a tool that cannot work on this server. It ends the run, and its message is shown to the user. */
export class ToolFailure extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ToolFailure'
  }
}

/** The files of a project, as tools need them. */
export interface ToolFiles {
  /** Names of the files that exist, by id. */
  names(project: string, ids: readonly string[]): Promise<Map<string, string>>
  /** The contents, or undefined when the file does not exist. */
  open(project: string, id: string): Promise<Readable | undefined>
  /** Creates a file with purpose `assistants_output`; returns its id. */
  create(project: string, file: { filename: string; content: Readable }): Promise<string>
}
