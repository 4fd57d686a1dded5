/** A session of the deno driver: /mnt/data is in the memory of the sandbox; files are copied in and out in pieces. */
import { Readable } from 'node:stream'
import type { Frame } from '../frames.ts'
import { reportFiles } from '../changed-files.ts'
import type { SandboxLimits, SandboxSession } from '../port.ts'
import { type Overrun, sessionCells } from '../run-cell.ts'
import type { RunnerProcess } from '../runner-process.ts'
import { plainName } from '../session-folder.ts'

export interface DenoParts {
  runner: RunnerProcess
  limits: SandboxLimits
  watch: (onOverrun: (overrun: Overrun) => void) => () => void
  memoryBytes: () => Promise<number>
  release: () => Promise<void>
  /** Whether to stop the process between two requests; only when a stopped process still ends with the server. */
  mayStop: boolean
}

type Answer = Extract<Frame, { type: 'done' | 'bytes' }>

const pieceBytes = 512 * 1024

/** After this time the worker is assumed to be in an endless loop that a cell started. */
const answerTimeoutMs = 120_000

export function denoSession({
  runner,
  limits,
  watch,
  memoryBytes,
  release,
  mayStop,
}: DenoParts): SandboxSession {
  const inTurn = turns(mayStop ? runner : undefined)
  const ask = asker(runner, inTurn)
  const cells = sessionCells({ runner, limits, watch })
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    runner.kill()
    await runner.ended
    await release()
  }

  return {
    isAlive: () => runner.isAlive() && closing === undefined,
    async put(name, source) {
      plainName(name)
      let first = true
      for await (const chunk of cut(Buffer.isBuffer(source) ? [source] : source, pieceBytes)) {
        await ask({ op: 'put', name, bytes: chunk.toString('base64'), first })
        first = false
      }
      if (first) await ask({ op: 'put', name, bytes: '', first })
    },
    async link(name, alias) {
      if (plainName(name) !== plainName(alias)) await ask({ op: 'link', name, alias })
    },
    async run(code, onEvent, signal) {
      const { status, sessionLost, frame } = await inTurn(() => cells.run(code, onEvent, signal))
      if (status !== 'cancelled') reportFiles(frame?.files ?? [], limits, onEvent)
      return { status, sessionLost }
    },
    async read(name) {
      name.split('/').map(plainName)
      const maxBytes = limits.fileMb * 1024 * 1024
      // Requested once here, so that a missing file is an error now and not in the middle of a stream.
      const { size } = await piece(ask, name, 0)
      if (size > maxBytes) throw new Error(`/mnt/data/${name} is too large.`)
      return Readable.from(pieces(ask, name, maxBytes))
    },
    memoryBytes,
    stopForMemory: () => cells.stopForMemory(),
    close: () => (closing ??= close()),
  }
}

type Ask = (command: object) => Promise<Answer>
type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/**
 * One request at a time: a file that is being read must not lose pieces because a cell starts. Between two requests
 * the process is stopped, so that a timer which a cell left behind does not run without limits.
 */
function turns(stoppable: RunnerProcess | undefined): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(async () => {
      stoppable?.signal('SIGCONT')
      try {
        return await work()
      } finally {
        stoppable?.signal('SIGSTOP')
      }
    })
    last = result.catch(() => {})
    return result
  }
}

/** Returns a function that sends a command between two cells and waits for its answer. */
function asker(runner: RunnerProcess, inTurn: InTurn): Ask {
  let requests = 0
  return (command) => inTurn(() => send(command))

  async function send(command: object): Promise<Answer> {
    requests += 1
    const request = requests
    const answer = new Promise<Answer>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`The Python session ${why}.`))
      const timer = setTimeout(() => {
        runner.kill()
        fail('does not answer')
      }, answerTimeoutMs)
      void runner.ended.then(() => {
        clearTimeout(timer)
        fail('has ended')
      })
      runner.listen((frame) => {
        if ((frame.type !== 'done' && frame.type !== 'bytes') || frame.request !== request) return
        clearTimeout(timer)
        resolve(frame)
      })
    })
    // Both at once: the answer rejects when the process ends while the command is being sent.
    const [received] = await Promise.all([answer, runner.send({ ...command, request })])
    if (received.type === 'done' && received.error !== undefined) throw new Error(received.error)
    return received
  }
}

async function piece(ask: Ask, name: string, offset: number): Promise<{ bytes: Buffer; size: number }> {
  const answer = await ask({ op: 'get', name, offset, length: pieceBytes })
  if (answer.type !== 'bytes') throw new Error('The Python session sent the wrong kind of answer.')
  return { bytes: Buffer.from(answer.data, 'base64'), size: answer.size }
}

async function* pieces(ask: Ask, name: string, maxBytes: number): AsyncGenerator<Buffer> {
  let { bytes, size } = await piece(ask, name, 0)
  for (let offset = 0; bytes.length > 0;) {
    yield bytes
    offset += bytes.length
    if (offset >= size || offset > maxBytes) return
    ;({ bytes, size } = await piece(ask, name, offset))
  }
}

async function* cut(
  source: AsyncIterable<unknown> | Iterable<unknown>,
  bytes: number,
): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    const whole = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    for (let at = 0; at < whole.length; at += bytes) yield whole.subarray(at, at + bytes)
  }
}
