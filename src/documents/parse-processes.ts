/** A small pool of child processes that read and cut up files, each under a limit of memory and time. */
import { fork, type ChildProcess } from 'node:child_process'
import { processBeside } from '../util/script-beside.ts'
import type { ChunkJob, ChunkResult } from './chunk-file.ts'
import type { ParseAnswer, ParseJob } from './extract-child.ts'
import type { ExtractJob, ExtractResult } from './extract/extract-file.ts'
import { ParseFailure, parseFailures } from './parse-failure.ts'

export interface ParseLimits {
  /** Children at work at once. */
  processes: number
  /** A child that grows beyond it is killed and its file refused as too large. */
  maxRssBytes: number
  /** A job that takes longer is killed and its file refused. */
  jobMs: number
  /** A child that has had no work for so long ends. */
  idleMs: number
}

export const defaultParseLimits: ParseLimits = {
  processes: 1,
  maxRssBytes: 1 << 30,
  jobMs: 120_000,
  idleMs: 10_000,
}

interface Child {
  process: ChildProcess
  jobs: number
  idleTimer?: NodeJS.Timeout
}

/** After so many files a child is replaced: parsers leak. */
const jobsPerChild = 200

export class ParseProcesses {
  readonly #limits: ParseLimits
  readonly #idle: Child[] = []
  readonly #all = new Set<Child>()
  readonly #waiting: (() => void)[] = []
  #busy = 0
  #isClosed = false

  constructor(limits: ParseLimits = defaultParseLimits) {
    this.#limits = limits
  }

  /** Throws `ParseFailure`; on abort the child is killed and the signal's reason thrown. */
  run(job: ExtractJob, signal: AbortSignal): Promise<ExtractResult>
  run(job: ChunkJob, signal: AbortSignal): Promise<ChunkResult>
  async run(job: ParseJob, signal: AbortSignal): Promise<ExtractResult | ChunkResult> {
    await this.#enter(signal)
    try {
      if (this.#isClosed) throw parseFailures.internal('the parser processes are closed')
      return await this.#runIn(this.#idle.pop() ?? this.#start(), job, signal)
    } finally {
      this.#busy -= 1
      this.#waiting.shift()?.()
    }
  }

  /** Kills the children; jobs under way fail with `server_error`. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const wake of this.#waiting.splice(0)) wake()
    await Promise.all([...this.#all].map((child) => kill(child.process)))
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (this.#busy >= this.#limits.processes && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', leave)
          resolve()
        }
        const leave = () => {
          this.#waiting.splice(this.#waiting.indexOf(wake), 1)
          resolve()
        }
        this.#waiting.push(wake)
        signal.addEventListener('abort', leave, { once: true })
      })
      // A turn that came together with the abort goes to the next in line.
      if (signal.aborted) {
        this.#waiting.shift()?.()
        throw signal.reason
      }
    }
    this.#busy += 1
  }

  #start(): Child {
    const { url, execArgv } = processBeside(import.meta.url, 'extract-child')
    const memoryMiB = Math.floor(this.#limits.maxRssBytes / (1 << 20))
    const child: Child = {
      jobs: 0,
      process: fork(url, [String(this.#limits.maxRssBytes)], {
        execArgv: [...execArgv, `--max-old-space-size=${memoryMiB}`],
        // Keys of the server are none of a parser's business.
        env: {},
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        serialization: 'json',
      }),
    }
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

  async #runIn(child: Child, job: ParseJob, signal: AbortSignal): Promise<ExtractResult | ChunkResult> {
    clearTimeout(child.idleTimer)
    child.jobs += 1
    const answer = await exchange(child.process, job, { jobMs: this.#limits.jobMs, signal }).catch(
      async (error: unknown) => {
        await kill(child.process)
        throw error
      },
    )
    const isSpent = child.jobs >= jobsPerChild || answer.rssBytes > this.#limits.maxRssBytes / 2
    if (isSpent || this.#isClosed) await kill(child.process)
    else this.#rest(child)
    if (answer.ok) return answer.result
    throw new ParseFailure(answer.code, answer.message, { cause: answer.detail })
  }

  #rest(child: Child): void {
    this.#idle.push(child)
    child.idleTimer = setTimeout(() => {
      // Off the list first: its exit is heard of only later.
      this.#idle.splice(this.#idle.indexOf(child), 1)
      child.process.kill('SIGKILL')
    }, this.#limits.idleMs)
    child.idleTimer.unref()
    // An idle child must not keep the server alive.
    child.process.unref()
    child.process.channel?.unref()
  }
}

/** Sends the job and waits for the answer, the child's death, the time limit or the abort, whichever is first. */
function exchange(
  child: ChildProcess,
  job: ParseJob,
  { jobMs, signal }: { jobMs: number; signal: AbortSignal },
): Promise<ParseAnswer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit)
      signal.removeEventListener('abort', onAbort)
      act()
    }
    const onMessage = (answer: unknown) => settle(() => resolve(answer as ParseAnswer))
    const onExit = (code: number | null, killer: string | null) => settle(() => reject(deathOf(code, killer)))
    const onAbort = () => settle(() => reject(signal.reason))
    const timer = setTimeout(() => settle(() => reject(parseFailures.tooSlow())), jobMs)
    // The abort may have come while the job waited for its turn.
    if (signal.aborted) {
      onAbort()
      return
    }
    child.on('message', onMessage).on('exit', onExit)
    signal.addEventListener('abort', onAbort, { once: true })
    child.ref()
    child.channel?.ref()
    child.send(job, (error) => {
      if (error) settle(() => reject(parseFailures.internal(error)))
    })
  })
}

/** The watchdog and the kernel kill a child that is too big; V8 aborts one whose heap is full. */
function deathOf(code: number | null, killer: string | null): ParseFailure {
  if (killer === 'SIGKILL' || killer === 'SIGABRT' || code === 134) return parseFailures.tooLarge()
  return parseFailures.internal(`the parser process ended with ${killer ?? code}`)
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  // Nobody else may keep the process alive until then.
  child.ref()
  child.kill('SIGKILL')
  await gone
}
