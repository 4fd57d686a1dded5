/** The port for embedders. A driver passes the suite in test/contracts/embedder.ts. */

/** What `embed` throws for every failure but an abort. */
export { ModelFailure } from '../models/port.ts'

export interface Embedder {
  /** Names model and width, for example `use-lite/512`. A vector store records it and is searched with no other. */
  readonly id: string
  /** How many numbers a vector has. */
  readonly dimensions: number
  /** How many tokens of one text it reads. The caller cuts longer texts into windows. */
  readonly windowTokens: number
  /** Exact and cheap; absent where only the server can count. */
  countTokens?(text: string): number
  /** Returns one vector of length one for each text, in order. On abort it throws the signal's reason. */
  embed(texts: string[], purpose: 'query' | 'passage', signal: AbortSignal): Promise<Float32Array[]>
  close(): Promise<void>
}
