/** One runner as the host sees it: a child process that takes orders and gives frames, both as JSON lines. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { type Frame, frameReader } from './frames.ts'

/** Kept of what the sandbox's own programs say on stderr, for the log line that tells why a start failed. */
const stderrBytes = 4096

export interface RunnerProcess {
  readonly pid: number
  /** Resolves when the process has ended and its pipes are closed. */
  readonly ended: Promise<void>
  isAlive(): boolean
  send(order: object): Promise<void>
  /** Every frame from now on goes to `onFrame`; the one before gets no more. Bytes received are told as well. */
  listen(onFrame: (frame: Frame) => void, onBytes?: (count: number) => void): void
  /** Resolves on the `ready` frame; rejects with what the process said when it ends or `timeoutMs` runs out. */
  ready(timeoutMs: number): Promise<void>
  /** Ends the tree; from then on the runner counts as gone. */
  kill(): void
  /** Stops or continues the process. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

/** `kill` must end the whole tree; the default is SIGKILL to the child, which is right where children die with it. */
export function runnerProcess(child: ChildProcess, kill = () => void child.kill('SIGKILL')): RunnerProcess {
  const { stdin, stdout, stderr } = child
  if (!stdin || !stdout || !stderr) throw new Error('A runner is started with pipes.')
  let onFrame: (frame: Frame) => void = () => {}
  let onBytes: (count: number) => void = () => {}
  let alive = true
  let killed = false
  let said = ''

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
    if (said.length < stderrBytes) said += chunk.toString('utf8').slice(0, stderrBytes - said.length)
  })
  // A runner that ends takes its pipes along; who writes learns it from isAlive().
  for (const pipe of [stdin, stdout, stderr]) pipe.on('error', () => {})

  const ended = childEnd(child, (complaint) => {
    alive = false
    said += complaint
  })

  return {
    pid: child.pid ?? -1,
    ended,
    isAlive: () => alive && !killed,
    async send(order) {
      if (alive && !stdin.write(JSON.stringify(order) + '\n'))
        await Promise.race([once(stdin, 'drain'), ended])
    },
    listen(frames, bytes = () => {}) {
      onFrame = frames
      onBytes = bytes
    },
    async ready(timeoutMs) {
      const reason = await new Promise<string | undefined>((resolve) => {
        const timer = setTimeout(() => resolve(`was not ready after ${timeoutMs} ms`), timeoutMs)
        const answer = (why?: string) => {
          clearTimeout(timer)
          resolve(why)
        }
        onFrame = (frame) => frame.type === 'ready' && answer()
        void ended.then(() => answer('ended before it was ready'))
      })
      if (reason === undefined) return
      end()
      throw new Error(`The Python runner ${reason}${said === '' ? '' : `: ${said.trim()}`}`)
    },
    kill: end,
    signal(name) {
      if (alive) child.kill(name)
    },
  }
}

/** Resolves when the child has ended and its pipes are closed; `onExit` is called as soon as it is gone. */
async function childEnd(child: ChildProcess, onExit: (complaint: string) => void): Promise<void> {
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
  // A child that could not start is told by ready().
  pipe.on('error', () => {})
  pipe.end(content)
}
