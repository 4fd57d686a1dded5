/** The port for embedders. A driver passes the suite in test/contracts/embedder.ts. */

import { UpstreamFailure } from '../models/openai/failure.ts'

/** `embed` throws it for every failure except an abort. */
export { ModelFailure } from '../models/port.ts'

/** How many milliseconds a provider asks to wait before the next call, when the error is its failure and says so. */
export function askedWaitMs(error: unknown): number | undefined {
  return error instanceof UpstreamFailure ? error.waitMs : undefined
}

export interface Embedder {
  /** Model and width, for example `text-embedding-3-large/256`. A vector store records it and is searched with the same embedder only. */
  readonly id: string
  /** The number of dimensions of a vector. */
  readonly dimensions: number
  /** The most tokens of one text. The caller cuts longer texts into windows. */
  readonly windowTokens: number
  /** Whether the first text waits for seconds, while a model is loaded. */
  readonly isSlowToStart?: boolean
  /** Returns one vector of length one for each text, in order. On abort it throws the signal's reason. */
  embed(texts: string[], purpose: 'query' | 'passage', signal: AbortSignal): Promise<Float32Array[]>
  close(): Promise<void>
}
