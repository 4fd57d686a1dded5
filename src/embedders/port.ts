/** The port for embedders. A driver passes the suite in test/contracts/embedder.ts. */

/** `embed` throws it for every failure except an abort. */
export { ModelFailure } from '../models/port.ts'

export interface Embedder {
  /** Model and width, for example `use-lite/512`. A vector store records it and is searched with the same embedder only. */
  readonly id: string
  /** The number of dimensions of a vector. */
  readonly dimensions: number
  /** The most tokens of one text. The caller cuts longer texts into windows. */
  readonly windowTokens: number
  /** Counts tokens exactly and without a request. Absent when only the server can count. */
  countTokens?(text: string): number
  /** Returns one vector of length one for each text, in order. On abort it throws the signal's reason. */
  embed(texts: string[], purpose: 'query' | 'passage', signal: AbortSignal): Promise<Float32Array[]>
  close(): Promise<void>
}
