/** A small pool of child processes that read and chunk files, each under a limit of memory and processor time. */
import { fork, type ChildProcess } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { FreeList } from '../util/free-list.ts'
import { killChild } from '../util/processes.ts'
import { processBeside } from '../util/script-beside.ts'
import type { ChunkJob, ChunkResult } from './chunk-file.ts'
import type { ExtractJob, ExtractResult } from './extract/extract-file.ts'
import type { ParseAnswer, ParseJob, ParseRequest } from './parse-child.ts'
import { ParseFailure, parseFailures } from './parse-failure.ts'

export interface ParseLimits {
  /** How many children work at once; further jobs wait in order. */
  processes: number
  /** A child that uses more memory is killed, and its file is refused as too large. */
  maxRssBytes: number
  /** Processor time of a job: a base, more for each mebibyte of the file, and never more than `mostMs`. */
  cpu: { baseMs: number; perMebibyteMs: number; mostMs: number }
  /** A child ends after this time without a job. */
  idleMs: number
}

export const defaultParseLimits: ParseLimits = {
  processes: 4,
  maxRssBytes: 1 << 30,
  cpu: { baseMs: 20_000, perMebibyteMs: 5000, mostMs: 180_000 },
  idleMs: 10_000,
}

export interface OcrSettings {
  /** Program and arguments; `{input}` is replaced by the path of a picture. It prints the text in UTF-8. */
  command: readonly string[]
  /** The PATH in which programs are searched. */
  path: string | undefined
  /** The time limit of one page. */
  pageMs?: number
}

interface Child {
  process: ChildProcess
  jobs: number
  idleTimer?: NodeJS.Timeout
}

/** The priority of the children. It is lower than the server's, so that conversations come before files. */
const priority = 10
/** A child is replaced after this number of jobs: parsers leak memory. */
const jobsPerChild = 1000
/** A child counts as stuck after `times` the processor time limit of its job, and not before `leastMs`. */
const stuck = { times: 20, leastMs: 300_000 }

export class ParseProcesses {
  readonly #limits: ParseLimits
  readonly #idle: Child[] = []
  readonly #all = new Set<Child>()
  /** A job holds one of these numbers. */
  readonly #slots = new FreeList<number>()
  #isClosed = false

  /** The program for pictures and pages without text, where there is one. */
  readonly ocr: OcrSettings | undefined

  constructor(limits: ParseLimits = defaultParseLimits, ocr?: OcrSettings) {
    this.#limits = limits
    this.ocr = ocr
    for (let slot = 0; slot < limits.processes; slot += 1) this.#slots.give(slot)
  }

  /**
   * Throws `ParseFailure` when the file cannot be read. Throws another error when the child ended for another reason
   * than the file: then the job may be tried again. On abort, kills the child and throws the signal's reason.
   */
  run(job: ExtractJob, signal: AbortSignal): Promise<ExtractResult>
  run(job: ChunkJob, signal: AbortSignal): Promise<ChunkResult>
  async run(job: ParseJob, signal: AbortSignal): Promise<ExtractResult | ChunkResult> {
    const slot = await this.#slots.take(signal)
    try {
      const cpuMs = this.#cpuMs((await stat(job.input)).size)
      if (this.#isClosed) throw new Error('the parser processes are closed')
      return await this.#runIn(this.#idle.pop() ?? this.#start(), { job, cpuMs }, signal)
    } finally {
      this.#slots.give(slot)
    }
  }

  /** Kills the children. Their jobs and the waiting ones throw. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#all].map((child) => killChild(child.process)))
  }

  #cpuMs(bytes: number): number {
    const { baseMs, perMebibyteMs, mostMs } = this.#limits.cpu
    return Math.min(mostMs, baseMs + (perMebibyteMs * bytes) / (1 << 20))
  }

  #start(): Child {
    const { url, execArgv } = processBeside(import.meta.url, 'parse-child')
    const memoryMiB = Math.floor(this.#limits.maxRssBytes / (1 << 20))
    const child: Child = {
      jobs: 0,
      process: fork(url, [String(this.#limits.maxRssBytes)], {
        execArgv: [...execArgv, `--max-old-space-size=${memoryMiB}`],
        // A parser of untrusted files must not get the keys of the server.
        env: {},
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        serialization: 'json',
      }),
    }
    if (child.process.pid !== undefined) setPriority(child.process.pid, priority)
    this.#all.add(child)
    child.process.once('exit', () => {
      clearTimeout(child.idleTimer)
      this.#all.delete(child)
      const at = this.#idle.indexOf(child)
      if (at >= 0) this.#idle.splice(at, 1)
    })
    child.process.on('error', () => child.process.kill('SIGKILL'))
    return child
  }

  async #runIn(
    child: Child,
    request: ParseRequest,
    signal: AbortSignal,
  ): Promise<ExtractResult | ChunkResult> {
    clearTimeout(child.idleTimer)
    child.jobs += 1
    const answer = await exchange(child.process, request, signal).catch(async (error: unknown) => {
      await killChild(child.process)
      throw error
    })
    const isSpent = child.jobs >= jobsPerChild || answer.rssBytes > this.#limits.maxRssBytes / 2
    if (isSpent || this.#isClosed) await killChild(child.process)
    else this.#rest(child)
    if (answer.ok) return answer.result
    throw new ParseFailure(answer.code, answer.message, { cause: answer.detail })
  }

  #rest(child: Child): void {
    this.#idle.push(child)
    child.idleTimer = setTimeout(() => {
      // Removed from the list now, because its exit event comes later.
      this.#idle.splice(this.#idle.indexOf(child), 1)
      child.process.kill('SIGKILL')
    }, this.#limits.idleMs)
    child.idleTimer.unref()
    // An idle child must not keep the server running.
    child.process.unref()
    child.process.channel?.unref()
  }
}

/** Sends the job and waits for the answer, the end of the child, the time limit or the abort, whichever is first. */
function exchange(child: ChildProcess, request: ParseRequest, signal: AbortSignal): Promise<ParseAnswer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit)
      signal.removeEventListener('abort', onAbort)
      act()
    }
    const onMessage = (answer: unknown) => settle(() => resolve(answer as ParseAnswer))
    const onExit = (code: number | null, killer: NodeJS.Signals | null) =>
      settle(() => reject(reasonOfExit(code, killer)))
    const onAbort = () => settle(() => reject(signal.reason))
    const timer = setTimeout(
      () => settle(() => reject(new Error('a parser process gave no answer'))),
      Math.max(stuck.leastMs, request.cpuMs * stuck.times),
    )
    // The abort may have come while the job waited in line.
    if (signal.aborted) {
      onAbort()
      return
    }
    child.on('message', onMessage).on('exit', onExit)
    signal.addEventListener('abort', onAbort, { once: true })
    child.ref()
    child.channel?.ref()
    child.send(request, (error) => {
      if (error) settle(() => reject(error))
    })
  })
}

/**
 * The watchdog sends SIGXCPU for time and SIGKILL for memory. The kernel sends SIGKILL when the machine has no memory
 * left. V8 aborts when its heap is full. Any other end is not caused by the file.
 */
function reasonOfExit(code: number | null, killer: NodeJS.Signals | null): Error {
  if (killer === 'SIGXCPU') return parseFailures.tooSlow()
  if (killer === 'SIGKILL' || killer === 'SIGABRT' || code === 134) return parseFailures.tooLarge()
  return new Error(`a parser process ended with ${killer ?? code}`)
}
