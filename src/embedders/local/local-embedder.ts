/**
 * An embedding model in ONNX format on this machine, run by the optional package onnxruntime-node in child processes that
 * start with the first text: its native code ends the process when a worker thread is stopped while it computes.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { availableParallelism, setPriority } from 'node:os'
import { join } from 'node:path'
import { killChild } from '../../util/processes.ts'
import { processBeside } from '../../util/script-beside.ts'
import { ModelFailure, type Embedder } from '../port.ts'
import { modelFolder, type LocalModel } from './catalog.ts'
import type { EmbedderChildData, EmbedReply, EmbedRequest } from './embedder-child.ts'

export interface LocalEmbedderOptions {
  /** The largest number of child processes; each holds the model in memory. */
  processes: number
  /** A child without a text for this long ends. */
  idleMs: number
}

const defaultOptions: LocalEmbedderOptions = {
  processes: Math.max(1, Math.min(4, availableParallelism())),
  idleMs: 300_000,
}
/** Below the server, whose streams must not wait for passages. */
const priority = 10

interface Task {
  text: string
  resolve(vector: Float32Array): void
  reject(reason: unknown): void
}
interface Child {
  process: ChildProcess
  task: Task | undefined
}

export class LocalEmbedder implements Embedder {
  readonly id: string
  readonly dimensions: number
  readonly windowTokens: number
  readonly isSlowToStart = true
  readonly #prefixes: LocalModel['prefixes']
  readonly #data: EmbedderChildData
  readonly #options: LocalEmbedderOptions
  readonly #children = new Set<Child>()
  /** Queries come before passages. */
  readonly #queues: Record<'query' | 'passage', Task[]> = { query: [], passage: [] }
  #idleTimer: NodeJS.Timeout | undefined
  #isClosed = false

  /** `runtime` is the path of onnxruntime-node's entry; the files of the model must be in `dataDir`. */
  constructor(
    model: LocalModel,
    { dataDir, runtime }: { dataDir: string; runtime: string },
    options = defaultOptions,
  ) {
    this.id = `${model.name}/${model.dimensions}`
    this.dimensions = model.dimensions
    this.windowTokens = model.windowTokens
    this.#prefixes = model.prefixes
    const folder = modelFolder(dataDir, model)
    this.#data = {
      runtime,
      model: join(folder, 'model.onnx'),
      tokenizer: join(folder, 'tokenizer.json'),
      maxTokens: model.maxTokens,
    }
    this.#options = options
  }

  /** The number of running child processes, busy or idle. */
  get processes(): number {
    return this.#children.size
  }

  async embed(texts: string[], purpose: 'query' | 'passage', signal: AbortSignal): Promise<Float32Array[]> {
    signal.throwIfAborted()
    if (this.#isClosed) throw closedFailure()
    const queue = this.#queues[purpose]
    const own = new Set<Task>()
    const vectors = texts.map(
      (text) =>
        new Promise<Float32Array>((resolve, reject) => {
          const task = { text: this.#prefixes[purpose] + text, resolve, reject }
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
    for (const task of [...this.#queues.query.splice(0), ...this.#queues.passage.splice(0)])
      task.reject(closedFailure())
    const children = [...this.#children]
    for (const child of children) child.task?.reject(closedFailure())
    await Promise.all(children.map(({ process }) => killChild(process)))
  }

  /** Gives waiting texts to idle children, and starts children up to the limit. */
  #dispatch(): void {
    clearTimeout(this.#idleTimer)
    for (const child of this.#children) if (!child.task) this.#assign(child)
    while (this.#waiting() > 0 && this.#children.size < this.#options.processes && !this.#isClosed) {
      this.#assign(this.#start())
    }
    if ([...this.#children].some((child) => child.task)) return
    this.#idleTimer = setTimeout(() => {
      for (const { process } of this.#children) process.kill('SIGKILL')
    }, this.#options.idleMs)
    this.#idleTimer.unref()
  }

  #waiting(): number {
    return this.#queues.query.length + this.#queues.passage.length
  }

  #assign(child: Child): void {
    child.task = this.#queues.query.shift() ?? this.#queues.passage.shift()
    const { process, task } = child
    // Only a busy child keeps this process alive.
    if (!task) {
      process.unref()
      process.channel?.unref()
      return
    }
    process.ref()
    process.channel?.ref()
    process.send({ text: task.text } satisfies EmbedRequest, (error) => {
      if (error) process.kill('SIGKILL')
    })
  }

  #start(): Child {
    const { url, execArgv } = processBeside(import.meta.url, 'embedder-child')
    const process = fork(url, [JSON.stringify(this.#data)], {
      execArgv,
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    })
    if (process.pid !== undefined) setPriority(process.pid, priority)
    const child: Child = { process, task: undefined }
    this.#children.add(child)
    process.on('message', (reply: EmbedReply) => {
      const task = child.task
      child.task = undefined
      if ('vector' in reply) task?.resolve(reply.vector)
      else task?.reject(embedderFailure(reply.failure))
      this.#dispatch()
    })
    process.on('error', (error) => child.task?.reject(embedderFailure(error)))
    process.on('exit', (code, signal) => {
      this.#children.delete(child)
      child.task?.reject(embedderFailure(`its process ended with ${signal ?? code}`))
      if (!this.#isClosed) this.#dispatch()
    })
    return child
  }
}

function closedFailure(): ModelFailure {
  return new ModelFailure('server_error', 'The local embedder is closed.')
}

function embedderFailure(cause: unknown): ModelFailure {
  return new ModelFailure('server_error', 'The local embedder failed.', { cause })
}

function removeAll(queue: Task[], tasks: Set<Task>): void {
  if (!queue.some((task) => tasks.has(task))) return
  queue.splice(0, queue.length, ...queue.filter((task) => !tasks.has(task)))
}
