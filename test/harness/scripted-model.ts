/**
 * A scripted language model: a real HTTP server that speaks Chat Completions, for tests and bench.
 * A request without a step, or a step without a request, fails the test in `verify()`.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { embedScripted } from './scripted-embeddings.ts'
import { frames, wholeAnswer } from './scripted-frames.ts'

/** Options of every step. */
interface StepBase {
  /** Checks the request body; what it throws fails the test in `verify()`. The step is answered in any case. */
  expect?: (body: any, headers: IncomingHttpHeaders) => void
  /** Nothing is sent before it resolves, not even headers. */
  before?: Promise<unknown>
  /** The pause before each frame after the first. Without it all frames are sent at once. */
  delayMs?: number
  /** Everything except the finish (with `cut`: the cut) is sent before it resolves. */
  hold?: Promise<unknown>
}

export interface ScriptedUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens?: number
  prompt_tokens_details?: { cached_tokens?: number }
  completion_tokens_details?: { reasoning_tokens?: number }
}

export interface ScriptedCall {
  name: string
  /** One fragment, or several that are sent one by one. */
  arguments: string | string[] | null
  id?: string
  /** Further fields of the call, such as `extra_content`. */
  extra?: object
}

/** Text, a refusal, tool calls, or several of these. */
export interface AnswerStep extends StepBase {
  text?: string | string[]
  refusal?: string | string[]
  calls?: ScriptedCall[]
  finish_reason?: string
  /** Further fields of the message, such as `reasoning_content`; sent ahead of the text. */
  extra?: object
  /** null: none is sent, as some servers do. Absent: ten prompt tokens and one for each piece. */
  usage?: ScriptedUsage | null
}

/** An HTTP answer that is not a stream: an error, mostly. */
export interface StatusStep extends StepBase {
  status: number
  headers?: Record<string, string>
  /** Objects are sent as JSON, strings as they are. */
  body?: unknown
}

/** The connection is cut after the text; with no text, before the headers. */
export interface CutStep extends StepBase {
  cut: true
  text?: string | string[]
  calls?: ScriptedCall[]
}

/** The exact bytes of a 200 event stream, one piece at a time; after the last the connection ends or, with `breaks`, breaks. */
export interface RawStep extends StepBase {
  raw: (string | Buffer)[]
  headers?: Record<string, string>
  breaks?: boolean
}

export type ScriptedStep = AnswerStep | StatusStep | CutStep | RawStep

export interface RecordedRequest {
  method: string
  path: string
  headers: IncomingHttpHeaders
  /** Parsed JSON, or undefined when there was none. */
  body: any
}

export interface ScriptedModel {
  /** With `/v1`, for OPENAI_BASE_URL. */
  url: string
  /** Chat requests in the order they came. */
  requests: RecordedRequest[]
  /** Requests to anything but chat completions. */
  others: RecordedRequest[]
  /** Adds steps; each answers one chat request, in order. */
  script(steps: ScriptedStep[]): void
  /** Answers every chat request without a scripted step; undefined ends that. */
  whenever(answer: ((body: any) => ScriptedStep) | undefined): void
  /** Embeddings are answered after this has resolved; undefined ends that. */
  holdEmbeddings(until: Promise<unknown> | undefined): void
  /** Answers requests for embeddings with this status and headers; undefined ends that. */
  failEmbeddings(status: number | undefined, headers?: Record<string, string>): void
  /** What GET /models lists. */
  models: string[]
  /** How many sockets were opened in total: shows whether connections are reused. */
  connections(): number
  /** Streams whose client disconnected before their end. */
  abandoned(): number
  /** Answers being sent, or held, right now. */
  open(): number
  /** Throws for unexpected requests, unused steps and failed expectations; forgets everything afterwards. */
  verify(): void
  close(): Promise<void>
}

interface State {
  steps: ScriptedStep[]
  answer: ((body: any) => ScriptedStep) | undefined
  complaints: string[]
  requests: RecordedRequest[]
  others: RecordedRequest[]
  heldEmbeddings: Promise<unknown> | undefined
  failedEmbeddings: { status: number; headers: Record<string, string> } | undefined
  models: string[]
  connections: number
  abandoned: number
  open: number
}

/** Starts one on a free port of the loopback, or on `port`. */
export async function scriptedModel(options: { port?: number } = {}): Promise<ScriptedModel> {
  const state: State = {
    steps: [],
    answer: undefined,
    complaints: [],
    requests: [],
    others: [],
    heldEmbeddings: undefined,
    failedEmbeddings: undefined,
    models: ['scripted'],
    connections: 0,
    abandoned: 0,
    open: 0,
  }
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => void receive(state, request, response))
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket) => {
    state.connections += 1
    socket.setNoDelay(true)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', 2048, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests: state.requests,
    others: state.others,
    models: state.models,
    script: (steps) => void state.steps.push(...steps),
    whenever: (answer) => void (state.answer = answer),
    holdEmbeddings: (until) => void (state.heldEmbeddings = until),
    failEmbeddings: (status, headers = {}) =>
      void (state.failedEmbeddings = status === undefined ? undefined : { status, headers }),
    connections: () => state.connections,
    abandoned: () => state.abandoned,
    open: () => state.open,
    verify: () => verify(state),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function verify(state: State): void {
  const complaints = state.complaints.splice(0)
  for (const step of state.steps.splice(0)) complaints.push(`nobody asked for the step ${describe(step)}`)
  state.requests.length = 0
  state.others.length = 0
  state.answer = undefined
  if (complaints.length > 0) throw new Error(`scripted model: ${complaints.join('; ')}`)
}

function describe(step: ScriptedStep): string {
  return JSON.stringify(step, (key, value) => (value instanceof Promise ? 'a promise' : value)).slice(0, 200)
}

async function receive(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readJson(request)
  const path = request.url ?? ''
  const recorded = { method: request.method ?? '', path, headers: request.headers, body }
  const where = path.split('?')[0] ?? ''
  if (where.endsWith('/chat/completions')) {
    state.requests.push(recorded)
    await answerChat(state, recorded, response)
    return
  }
  state.others.push(recorded)
  if (where.endsWith('/models')) {
    const data = state.models.map((id) => ({
      id,
      object: 'model',
      created: 1700000000,
      owned_by: 'scripted',
    }))
    sendJson(response, 200, { object: 'list', data })
  } else if (where.endsWith('/embeddings')) {
    await state.heldEmbeddings
    const failure = state.failedEmbeddings
    if (failure === undefined) sendJson(response, 200, embedScripted(body))
    else {
      for (const [name, value] of Object.entries(failure.headers)) response.setHeader(name, value)
      sendJson(response, failure.status, { error: { message: 'scripted', type: 'server_error' } })
    }
  } else {
    sendJson(response, 404, { error: { message: `Invalid URL (${request.method} ${path})` } })
  }
}

async function answerChat(state: State, recorded: RecordedRequest, response: ServerResponse): Promise<void> {
  const { body } = recorded
  const step = state.steps.shift() ?? state.answer?.(body)
  if (step === undefined) {
    state.complaints.push(`unexpected request ${JSON.stringify(body).slice(0, 300)}`)
    // 400, which no client retries: one unexpected request must not become five.
    sendJson(response, 400, {
      error: { message: 'scripted model: no step is left', code: 'unexpected_request' },
    })
    return
  }
  try {
    step.expect?.(body, recorded.headers)
  } catch (error) {
    state.complaints.push(`an expectation failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  state.open += 1
  let done = false
  response.once('close', () => {
    state.open -= 1
    if (!done && !('cut' in step) && !('breaks' in step)) state.abandoned += 1
  })
  await step.before
  await perform(step, body, response)
  done = true
}

async function perform(step: ScriptedStep, body: any, response: ServerResponse): Promise<void> {
  if ('status' in step) {
    const json = typeof step.body !== 'string'
    const type = json ? 'application/json' : 'text/plain'
    response.writeHead(step.status, { 'content-type': type, ...step.headers })
    response.end(json ? JSON.stringify(step.body ?? {}) : step.body)
    return
  }
  if ('raw' in step) {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...step.headers })
    await send(response, step.raw, step)
    await step.hold
    if (step.breaks) setImmediate(() => response.socket?.destroy())
    else response.end()
    return
  }
  if (body?.stream !== true && !('cut' in step)) {
    await step.hold
    sendJson(response, 200, wholeAnswer(step, body))
    return
  }
  await stream(step, body, response)
}

async function stream(step: AnswerStep | CutStep, body: any, response: ServerResponse): Promise<void> {
  const cut = 'cut' in step
  const { opening, closing } = frames(step, body)
  if (!cut || step.text !== undefined || step.calls !== undefined) {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    })
    await send(response, opening, step)
  }
  await step.hold
  if (cut) {
    // A turn of the event loop later, so that the written bytes are sent before the socket is closed.
    setImmediate(() => response.socket?.destroy())
    return
  }
  await send(response, closing, { delayMs: undefined })
  response.end()
}

async function send(
  response: ServerResponse,
  pieces: (string | Buffer)[],
  pace: { delayMs?: number },
): Promise<void> {
  let first = true
  for (const piece of pieces) {
    if (!first && pace.delayMs !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, pace.delayMs))
    }
    first = false
    if (response.destroyed) return
    response.write(piece)
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  return text === '' ? undefined : JSON.parse(text)
}
