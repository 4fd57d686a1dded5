/** Runs one cell: limits its time and output, and adds a line that names a limit that was exceeded. */
import { decodePng, type Frame } from './frames.ts'
import type { CellEnd, CellEvent, SandboxLimits } from './port.ts'
import type { RunnerProcess } from './runner-process.ts'
import { storableText } from '../util/storable-text.ts'

/** A limit that was exceeded; `hard` leaves the cell no time to stop by itself. */
export interface Overrun {
  status: 'memory' | 'disk' | 'total memory'
  hard: boolean
}

/** Used by all cells of a session. */
interface CellParts {
  runner: RunnerProcess
  limits: SandboxLimits
  /** Starts the driver's watchdogs; the returned function stops them. */
  watch: (onOverrun: (overrun: Overrun) => void) => () => void
}

interface CellRequest {
  /** The cell's number, never used twice in a session. */
  cell: number
  code: string
  limits: SandboxLimits
  signal: AbortSignal
  onEvent: (event: CellEvent) => void
}

export type EndFrame = Extract<Frame, { type: 'end' }>

export interface CellResult extends CellEnd {
  /** The runner's last frame; missing when the runner was lost. */
  frame?: EndFrame
}

/** Runs the cells of one session, one at a time. */
export interface SessionCells {
  /** Never rejects because of what the code does. When `sessionLost` is true, the runner has ended. */
  run(code: string, onEvent: (event: CellEvent) => void, signal: AbortSignal): Promise<CellResult>
  /** Ends the running cell, and the runner with it. */
  stopForMemory(): void
}

export function sessionCells({ runner, limits, watch }: CellParts): SessionCells {
  let cell = 0
  let stopCell: (overrun: Overrun) => void = () => {}
  return {
    async run(code, onEvent, signal) {
      cell += 1
      const request = { cell, code, limits, signal, onEvent }
      const { message, ...result } = await runCell(runner, request, (onOverrun) => {
        stopCell = onOverrun
        return watch(onOverrun)
      })
      stopCell = () => {}
      if (message !== '') onEvent({ type: 'logs', text: `${message}\n` })
      return result
    },
    stopForMemory: () => stopCell({ status: 'total memory', hard: true }),
  }
}

/** `message`: a line for the model after the output of the cell; may be empty. */
type Outcome = CellResult & { message: string }

type Stop = 'timeout' | 'cancelled' | Overrun['status']

/** A cancelled cell gets this long to stop by itself, because killing it loses the variables of the session. */
const cancelGraceMs = 250

/** The maximum length of the note that replaces the middle of a cell's text. */
const noteBytes = 1024

/** The largest image; the runner has the same limit. */
const imageBytes = 8 * 1024 * 1024

/** Runners send text every 50 ms at most, or in pieces of 32 Ki characters: more frames than this are an attack. */
const frameLimit = 20_000

async function runCell(
  runner: RunnerProcess,
  request: CellRequest,
  watch: CellParts['watch'],
): Promise<Outcome> {
  const { limits, signal } = request
  if (signal.aborted) return { status: 'cancelled', sessionLost: !runner.isAlive(), message: '' }
  let stop: Stop | undefined
  let grace: NodeJS.Timeout | undefined

  function stopCell(why: Stop, graceMs: number): void {
    stop ??= why
    if (graceMs === 0) return runner.kill()
    if (grace !== undefined) return
    // Raises KeyboardInterrupt in the cell.
    void runner.send({ op: 'interrupt', cell: request.cell })
    grace = setTimeout(() => runner.kill(), graceMs)
  }

  const onAbort = () => stopCell('cancelled', Math.min(cancelGraceMs, limits.graceMs))
  const wall = setTimeout(() => stopCell('timeout', limits.graceMs), limits.wallMs)
  const unwatch = watch(({ status, hard }) => stopCell(status, hard ? 0 : limits.graceMs))
  signal.addEventListener('abort', onAbort, { once: true })
  const ending = waitForEnd(runner, request)
  void runner.send({ op: 'run', cell: request.cell, code: request.code, cpuSeconds: cpuSeconds(limits) })
  const frame = await ending
  clearTimeout(wall)
  clearTimeout(grace)
  unwatch()
  signal.removeEventListener('abort', onAbort)
  // When the runner was killed at the same time, the kill counts.
  if (frame === undefined || !runner.isAlive()) {
    await runner.ended
    return lostCell(stop, limits)
  }
  return { frame, ...finishedCell(frame, stop, limits) }
}

/** Passes events on until the last frame of the cell, which it returns; undefined when the runner ended first. */
async function waitForEnd(runner: RunnerProcess, request: CellRequest): Promise<EndFrame | undefined> {
  const relay = eventRelay(request)
  // JSON writes one byte as up to six characters; more than this is an attack on the host.
  const budget = 8 * request.limits.outputBytes + 2 * request.limits.images * imageBytes + 1024 * 1024
  let received = 0
  let frames = 0
  return new Promise((resolve) => {
    runner.listen(
      (frame) => {
        frames += 1
        if (frames > frameLimit) runner.kill()
        else if (frame.type === 'end' && frame.cell === request.cell) resolve(frame)
        else relay(frame)
      },
      (count) => {
        received += count
        if (received > budget) runner.kill()
      },
    )
    void runner.ended.then(() => resolve(undefined))
  })
}

/** Passes on the frames of this cell. Enforces the limits again, because a cell can manipulate its runner. */
function eventRelay({ cell, limits, onEvent }: CellRequest): (frame: Frame) => void {
  let text = limits.outputBytes + noteBytes
  let images = limits.images
  return (frame) => {
    if (frame.type === 'out' && frame.cell === cell && text > 0) {
      text -= Buffer.byteLength(frame.text)
      onEvent({ type: 'logs', text: storableText(frame.text) })
    }
    if (frame.type === 'image' && frame.cell === cell && images > 0) {
      const png = decodePng(frame.png)
      if (png === undefined || png.length > imageBytes) return
      images -= 1
      onEvent({ type: 'image', png })
    }
  }
}

/**
 * The processor time limit of one process: a little over the wall time, so that only several threads reach it first.
 */
function cpuSeconds(limits: SandboxLimits): number {
  return Math.ceil((limits.wallMs + limits.graceMs) / 1000)
}

function finishedCell(
  frame: EndFrame,
  stop: Stop | undefined,
  limits: SandboxLimits,
): Omit<Outcome, 'frame'> {
  if (stop !== undefined)
    return { status: statusOf(stop), sessionLost: false, message: stopMessage(stop, limits, false) }
  return { status: frame.status === 'ok' ? 'ok' : 'error', sessionLost: false, message: '' }
}

function lostCell(stop: Stop | undefined, limits: SandboxLimits): Outcome {
  const why = stop ?? 'crashed'
  return { status: statusOf(why), sessionLost: true, message: stopMessage(why, limits, true) }
}

function statusOf(stop: Stop | 'crashed'): CellEnd['status'] {
  return stop === 'total memory' ? 'memory' : stop
}

function stopMessage(status: Stop | 'crashed', limits: SandboxLimits, lost: boolean): string {
  const consequence = lost
    ? 'The Python session was ended and its variables are gone.'
    : 'Variables are kept.'
  const messages: Record<Stop | 'crashed', string> = {
    timeout: `TimeoutError: the cell ran longer than ${limits.wallMs / 1000} seconds and was stopped. ${consequence}`,
    memory: `MemoryError: the cell used more than ${limits.memoryMb} MiB of memory and was stopped. ${consequence}`,
    'total memory': `MemoryError: the server's Python sessions together used more memory than they may, and this cell was stopped. ${consequence}`,
    disk: `OSError: more than ${limits.diskMb} MiB or too many files or folders in /mnt/data; the cell was stopped. ${consequence}`,
    crashed: `The Python process ended in the middle of the cell. ${consequence}`,
    cancelled: '',
  }
  return messages[status]
}
