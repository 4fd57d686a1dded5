/** The runner of a session, seen from the host: a child process that reads commands and writes frames as JSON lines. */
import type { ChildProcess } from 'node:child_process'
import { Writable } from 'node:stream'
import { type Frame, frameReader } from './frames.ts'

/** How much of the child's stderr is kept for the error message when a start fails. */
const stderrBytes = 4096

export interface RunnerProcess {
  readonly pid: number
  /** Resolves when the process has ended and its pipes are closed. */
  readonly ended: Promise<void>
  isAlive(): boolean
  /**
   * Resolves when the command was written, or when the process has ended. Never rejects: a runner that does not accept
   * a command is killed, and `ended` resolves.
   */
  send(command: object): Promise<void>
  /** Replaces the listeners: `onFrame` gets each later frame, `onBytes` the length of each received chunk. */
  listen(onFrame: (frame: Frame) => void, onBytes?: (count: number) => void): void
  /** Resolves on the `ready` frame; rejects with its stderr when it ends or `timeoutMs` runs out. */
  ready(timeoutMs: number): Promise<void>
  /** Ends the process tree; from then on `isAlive()` is false. */
  kill(): void
  /** Stops or continues the process. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

/** `kill` must end the whole tree. The default, SIGKILL to the child, does so when the children end with it. */
export function runnerProcess(
  child: ChildProcess,
  kill: () => void = () => child.kill('SIGKILL'),
): RunnerProcess {
  const { stdin, stdout, stderr } = child
  if (!stdin || !stdout || !stderr) throw new Error('A runner is started with pipes.')
  let onFrame: (frame: Frame) => void = () => {}
  let onBytes: (count: number) => void = () => {}
  let alive = true
  let killed = false
  let stderrText = ''

  function end(): void {
    killed = true
    kill()
  }

  const reader = frameReader((frame) => onFrame(frame), end)
  stdout.on('data', (chunk: Buffer) => {
    onBytes(chunk.length)
    reader.push(chunk)
  })
  stderr.on('data', (chunk: Buffer) => {
    if (stderrText.length < stderrBytes)
      stderrText += chunk.toString('utf8').slice(0, stderrBytes - stderrText.length)
  })
  // Every pipe needs an error handler: an unhandled error of a pipe would end the server.
  for (const pipe of child.stdio) pipe?.on('error', () => {})
  // A child that no longer reads commands cannot be used, even if it still runs.
  stdin.on('error', end)

  const ended = childEnd(child, (message) => {
    alive = false
    stderrText += message
  })

  return {
    pid: child.pid ?? -1,
    ended,
    isAlive: () => alive && !killed,
    async send(command) {
      if (!alive) return
      const line = `${JSON.stringify(command)}\n`
      // The callback is also called after an error, which the error handler handles.
      await new Promise<void>((resolve) => stdin.write(line, () => resolve()))
    },
    listen(frames, bytes = () => {}) {
      onFrame = frames
      onBytes = bytes
    },
    async ready(timeoutMs) {
      const isReady = new Promise<void>((resolve) => {
        onFrame = (frame) => frame.type === 'ready' && resolve()
      })
      const problem = await startProblem(isReady, ended, timeoutMs)
      if (problem === undefined) return
      end()
      throw new Error(`The Python runner ${problem}${stderrText === '' ? '' : `: ${stderrText.trim()}`}`)
    },
    kill: end,
    signal(name) {
      if (alive) child.kill(name)
    },
  }
}

/** Why the start failed, or undefined when the runner is ready. */
async function startProblem(
  isReady: Promise<void>,
  ended: Promise<void>,
  timeoutMs: number,
): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`was not ready after ${timeoutMs} ms`), timeoutMs)
  })
  const first = await Promise.race([isReady, ended.then(() => 'ended before it was ready'), late])
  clearTimeout(timer)
  return first ?? undefined
}

/** Resolves when the child has ended and its pipes are closed; `onExit` is called when the child itself has ended. */
async function childEnd(child: ChildProcess, onExit: (message: string) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    child.once('error', (error) => {
      onExit(error.message)
      resolve()
    })
    child.once('exit', () => onExit(''))
    child.once('close', () => resolve())
  })
}

/** Writes to a descriptor that the child reads to its end. */
export function feed(child: ChildProcess, descriptor: number, content: string | Buffer): void {
  const pipe = child.stdio[descriptor]
  if (!(pipe instanceof Writable)) throw new Error(`Descriptor ${descriptor} is a pipe.`)
  // When the child could not start, ready() reports it.
  pipe.on('error', () => {})
  pipe.end(content)
}
