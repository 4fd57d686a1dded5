/** The driver for a GGUF file on this machine, run by node-llama-cpp in a separate process. */
import { fork, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { processBeside } from '../../util/script-beside.ts'
import { findLlamaLibrary } from './local-library.ts'
import type { FromLocalModel, LoadCommand, ToLocalModel } from './local-protocol.ts'
import { sorry } from '../openai/failure.ts'
import { ModelFailure, type ChatModel, type ChatRequest, type ModelPart } from '../port.ts'
import type { LocalProviderSettings } from '../settings.ts'

/** How many characters of the process's error output are kept for the log. */
const lastWords = 4_000

export interface LocalModel extends ChatModel {
  /** The context size in tokens; an estimate until the model is loaded. */
  contextWindow(): number
  /** Resolves when no answer is in progress; aborted answers count until they have stopped. */
  idle(): Promise<void>
  /** How many parts of the last aborted answer were generated and not read: one or two. */
  abandonedParts(): number
  close(): Promise<void>
}

/**
 * Loads nothing yet: the first request starts the process, and the first after a crash starts it again. Throws when
 * the package or the file is missing.
 */
export function openLocalModel(settings: LocalProviderSettings): LocalModel {
  const path = resolve(settings.path)
  if (!existsSync(path)) throw new Error(`There is no model file ${path}.`)
  const command: LoadCommand = {
    type: 'load',
    library: findLlamaLibrary(settings.library),
    path,
    context_size: settings.context_size,
    sequences: settings.sequences ?? 1,
    threads: settings.threads ?? Math.max(1, availableParallelism() - 1),
    gpu: settings.gpu ?? (process.platform === 'darwin' ? 'auto' : false),
  }
  return new LocalProcess(command)
}

/** One answer, as the parent process sees it. */
interface Answer {
  /** How many parts the caller has read. */
  read(): number
  take(message: FromLocalModel): void
  fail(failure: ModelFailure): void
}

class LocalProcess implements LocalModel {
  readonly #command: LoadCommand
  readonly #answers = new Map<number, Answer>()
  #whenIdle: (() => void)[] = []
  #child: ChildProcess | undefined
  #contextSize: number | undefined
  #ids = 0
  #abandonedParts = 0
  #isClosed = false

  constructor(command: LoadCommand) {
    this.#command = command
  }

  contextWindow(): number {
    return this.#contextSize ?? this.#command.context_size ?? 8_192
  }

  async *stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    signal.throwIfAborted()
    if (this.#isClosed)
      throw new ModelFailure('server_error', sorry, { cause: new Error('the model is closed') })
    const child = (this.#child ??= this.#start())
    this.#ids += 1
    const id = this.#ids
    let waiting: ModelPart[] = []
    let read = 0
    let outcome: { failure?: unknown } | undefined
    let wake = () => {}
    const end = (ended: { failure?: unknown }) => {
      outcome ??= ended
      wake()
    }
    this.#answers.set(id, {
      read: () => read,
      take: (message) => {
        if (message.type === 'parts') waiting.push(...message.parts)
        if (message.type === 'end') {
          waiting.push({ type: 'end', finish_reason: message.finish_reason, usage: message.usage })
        }
        if (message.type === 'failure') end({ failure: failureOf(message) })
        else if (message.type === 'parts') wake()
        else end({})
      },
      fail: (failure) => end({ failure }),
    })
    const abort = () => end({ failure: signal.reason })
    signal.addEventListener('abort', abort, { once: true })
    send(child, { type: 'ask', id, request })
    try {
      for (;;) {
        if (waiting.length === 0 && outcome === undefined) await new Promise<void>((done) => (wake = done))
        signal.throwIfAborted()
        const batch = waiting
        waiting = []
        for (const part of batch) {
          signal.throwIfAborted()
          read += 1
          yield part
        }
        if (outcome !== undefined && waiting.length === 0) break
      }
      if ('failure' in outcome) throw outcome.failure
    } finally {
      signal.removeEventListener('abort', abort)
      // The child still works on an answer that is registered here; its message `closed` removes the answer.
      if (this.#answers.has(id)) send(child, { type: 'stop', id })
    }
  }

  async idle(): Promise<void> {
    if (this.#answers.size > 0) await new Promise<void>((done) => this.#whenIdle.push(done))
  }

  abandonedParts(): number {
    return this.#abandonedParts
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const child = this.#child
    if (child === undefined) return
    await new Promise<void>((done) => {
      child.once('exit', () => done())
      // The process has no state that must be saved.
      child.kill('SIGKILL')
    })
  }

  #start(): ChildProcess {
    const { url, execArgv } = processBeside(import.meta.url, 'local-child')
    const child = fork(url, { execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let errors = ''
    child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (errors = (errors + text).slice(-lastWords)))
    child.on('message', (message: FromLocalModel) => this.#receive(child, message))
    child.on('error', (error) => this.#lost(child, error))
    child.on('exit', (code, killer) =>
      this.#lost(child, new Error(`the process of the local model ended (${killer ?? code}): ${errors}`)),
    )
    send(child, this.#command)
    return child
  }

  #receive(child: ChildProcess, message: FromLocalModel): void {
    if (message.type === 'ready') {
      this.#contextSize = message.context_size
      return
    }
    if (message.type === 'unusable') {
      this.#lost(child, new Error(`the local model could not be loaded: ${message.message}`))
      child.kill('SIGKILL')
      return
    }
    const answer = this.#answers.get(message.id)
    if (message.type === 'closed') this.#abandonedParts = message.parts - (answer?.read() ?? 0)
    if (message.type !== 'parts') this.#forget(message.id)
    answer?.take(message)
  }

  #lost(child: ChildProcess, cause: Error): void {
    if (this.#child !== child) return
    this.#child = undefined
    for (const [id, answer] of this.#answers) {
      this.#forget(id)
      answer.fail(new ModelFailure('server_error', sorry, { cause }))
    }
  }

  #forget(id: number): void {
    this.#answers.delete(id)
    if (this.#answers.size === 0) for (const done of this.#whenIdle.splice(0)) done()
  }
}

function failureOf({ code, message, cause }: Extract<FromLocalModel, { type: 'failure' }>): ModelFailure {
  return new ModelFailure(code, message, { cause: new Error(cause) })
}

/** A message that does not reach the process is not an error: its `exit` event reports its end. */
function send(child: ChildProcess, message: ToLocalModel): void {
  if (child.connected) child.send(message, () => {})
}
