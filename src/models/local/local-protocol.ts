/** The messages between the server and the process that runs a local model. */
import type { ChatRequest, FinishReason, ModelFailureCode, ModelPart, ModelUsage } from '../port.ts'

/** Sent once, first. */
export interface LoadOrder {
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
  | LoadOrder
  | { type: 'ask'; id: number; request: ChatRequest }
  /** The answer is aborted; `closed` still follows. */
  | { type: 'stop'; id: number }

/** Every `ask` is answered with one of `end`, `failure` and `closed`, and nothing after it. */
export type FromLocalModel =
  | { type: 'ready'; context_size: number }
  /** The model could not be loaded; the process ends. `message` is a sentence. */
  | { type: 'unusable'; message: string }
  | { type: 'parts'; id: number; parts: ModelPart[] }
  | { type: 'end'; id: number; finish_reason: FinishReason; usage: ModelUsage }
  | { type: 'failure'; id: number; code: ModelFailureCode; message: string; cause: string }
  /** Stopped after an abort; `parts` had been made until then. */
  | { type: 'closed'; id: number; parts: number }
