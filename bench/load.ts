/** A client for load with little cost: raw HTTP with keep-alive; streams are searched for texts and not parsed. */
import { Agent, request, type IncomingMessage } from 'node:http'

export interface StreamResult {
  /** Monotonic ms from the request's start to the first text delta, and to the end. */
  firstMs: number
  totalMs: number
  /** From each delivery of text deltas to the next one. */
  gapsMs: number[]
  /** The texts of the deltas, joined. */
  text: string
  /** Whether the stream ended with its last event. */
  isWhole: boolean
}

/** How to read the blocks of a stream. The texts of the bench have no characters that JSON escapes. */
export interface StreamFormat {
  isDelta: (block: string) => boolean
  isEnd: (block: string) => boolean
  textOf: RegExp
}

export const spoolFormat: StreamFormat = {
  isDelta: (block) => block.startsWith('event: thread.message.delta'),
  isEnd: (block) => block.startsWith('event: thread.run.completed'),
  textOf: /"value":"([^"]*)"/,
}

export const chatFormat: StreamFormat = {
  isDelta: (block) => block.includes('"content":"'),
  isEnd: (block) => block.includes('[DONE]'),
  textOf: /"content":"([^"]*)"/,
}

const agent = new Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 1024 })

/** Posts JSON and reads the whole stream. */
export async function stream(url: string, body: object, format: StreamFormat): Promise<StreamResult> {
  const startMs = performance.now()
  const response = await post(url, JSON.stringify(body))
  return new Promise((resolve, reject) => {
    const result: StreamResult = { firstMs: NaN, totalMs: NaN, gapsMs: [], text: '', isWhole: false }
    let rest = ''
    let lastMs = NaN
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      const blocks = (rest + chunk).split('\n\n')
      rest = blocks.pop() ?? ''
      if (blocks.some(format.isDelta)) {
        const nowMs = performance.now()
        if (!Number.isNaN(lastMs)) result.gapsMs.push(nowMs - lastMs)
        lastMs = nowMs
      }
      for (const block of blocks) {
        if (format.isDelta(block)) {
          if (Number.isNaN(result.firstMs)) result.firstMs = performance.now() - startMs
          result.text += format.textOf.exec(block)?.[1] ?? ''
        } else if (format.isEnd(block)) result.isWhole = true
      }
    })
    response.on('end', () => {
      result.totalMs = performance.now() - startMs
      if (response.statusCode === 200) resolve(result)
      else reject(new Error(`${response.statusCode}: ${rest}`))
    })
    response.on('error', reject)
  })
}

/** Resolves with the head of the answer. Sends the request again when the server had closed the pooled connection. */
function post(url: string, payload: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent, headers: headersFor(payload) })
    const onError = (error: Error) => {
      const isClosed = 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      if (outgoing.reusedSocket && isClosed) resolve(post(url, payload))
      else reject(error)
    }
    outgoing.once('error', onError)
    outgoing.once('response', (response) => {
      // From now on errors arrive on the answer as well.
      outgoing.off('error', onError).on('error', () => {})
      resolve(response)
    })
    outgoing.end(payload)
  })
}

function headersFor(payload: string): Record<string, string | number> {
  return {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(payload),
    authorization: 'Bearer bench',
    'openai-beta': 'assistants=v2',
  }
}

/** Runs `work` `count` times, `width` at once. */
export async function many<Result>(
  count: number,
  width: number,
  work: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) {
        const index = next++
        results[index] = await work(index)
      }
    }),
  )
  return results
}
