/** The messages between the server and the process that runs a local model. */
import type { ChatRequest, FinishReason, ModelFailureCode, ModelPart, ModelUsage } from '../port.ts'

/** The first message; sent once. */
export interface LoadCommand {
  type: 'load'
  /** URL of node-llama-cpp's entry file. */
  library: string
  path: string
  context_size: number | undefined
  sequences: number
  threads: number
  gpu: string | false
}

export type ToLocalModel =
  | LoadCommand
  | { type: 'ask'; id: number; request: ChatRequest }
  /** The answer is aborted; `closed` still follows. */
  | { type: 'stop'; id: number }

/** Each `ask` gets exactly one of `end`, `failure` and `closed`, as its last message. */
export type FromLocalModel =
  | { type: 'ready'; context_size: number }
  /** The model could not be loaded; the process ends. */
  | { type: 'unusable'; message: string }
  | { type: 'parts'; id: number; parts: ModelPart[] }
  | { type: 'end'; id: number; finish_reason: FinishReason; usage: ModelUsage }
  | { type: 'failure'; id: number; code: ModelFailureCode; message: string; cause: string }
  /** The answer was stopped by an abort, after `parts` parts. */
  | { type: 'closed'; id: number; parts: number }
