/** One HTTP request as bytes, and its answer: no client library would send what is sent here. */
import { connect } from 'node:net'

export interface Answer {
  status: number
  headers: Map<string, string>
  body: string
  /** Whether the body came to its end. */
  isWhole: boolean
}

interface ExchangeOptions {
  port: number
  bytes: Buffer
  /** Answers to HEAD have no body, with any headers. */
  isHead: boolean
  /** A silence that takes longer ends with our hanging up: what we wait for may never come. */
  leaveAfterMs?: number
  /** Bytes that may never become a request: the silence counts from the start. */
  isBroken?: boolean
}

/** So long may a slow machine take; an answer that takes longer will never come. */
const patienceMs = 60_000

/** Resolves with undefined when the connection is closed, by whom ever, without an answer. */
export async function exchange(options: ExchangeOptions): Promise<Answer | undefined> {
  const { port, bytes, isHead, leaveAfterMs, isBroken } = options
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  try {
    return await new Promise((resolve, reject) => {
      const patience = setTimeout(() => reject(new Error('no answer came')), patienceMs)
      let leaving: NodeJS.Timeout | undefined
      const finish = () => {
        clearTimeout(patience)
        clearTimeout(leaving)
        resolve(readAnswer(Buffer.concat(chunks), isHead))
      }
      socket.on('connect', () => socket.write(bytes))
      const wait = () => {
        if (leaveAfterMs === undefined) return
        clearTimeout(leaving)
        leaving = setTimeout(finish, leaveAfterMs)
      }
      socket.on('data', (chunk) => {
        chunks.push(chunk)
        wait()
      })
      if (isBroken) wait()
      socket.on('close', finish)
      // A server that answers before it has read all hangs up on the rest.
      socket.on('error', () => {})
    })
  } finally {
    socket.destroy()
  }
}

function readAnswer(bytes: Buffer, isHead: boolean): Answer | undefined {
  if (bytes.length === 0) return undefined
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) throw new Error(`no HTTP answer: ${bytes.toString('latin1').slice(0, 200)}`)
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1])
  const rest = bytes.subarray(end + 4)
  if (status >= 100 && status < 200) return readAnswer(rest, isHead)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  if (isHead) return { status, headers, body: '', isWhole: true }
  if (headers.get('transfer-encoding') === 'chunked') {
    const { body, isWhole } = readChunks(rest)
    return { status, headers, body: body.toString('utf8'), isWhole }
  }
  const length = Number(headers.get('content-length') ?? rest.length)
  return { status, headers, body: rest.subarray(0, length).toString('utf8'), isWhole: rest.length === length }
}

function readChunks(bytes: Buffer): { body: Buffer; isWhole: boolean } {
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    if (end === -1) return { body: Buffer.concat(chunks), isWhole: false }
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16)
    if (size === 0) return { body: Buffer.concat(chunks), isWhole: true }
    chunks.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
