/** A light client for load: raw HTTP, keep-alive, streams counted and not parsed. */
import { Agent, request } from 'node:http'

export interface StreamResult {
  /** Monotonic ms from the request's start to the first text delta, and to the end. */
  firstMs: number
  totalMs: number
  /** What the deltas said, put together. */
  text: string
  /** Whether the stream ended as it should. */
  isWhole: boolean
}

const agent = new Agent({ keepAlive: true, maxSockets: 1024 })

/** Posts JSON and reads the whole stream; `delta` finds the text in one event's data. */
export async function stream(
  url: string,
  body: object,
  options: {
    isDelta: (block: string) => boolean
    isEnd: (block: string) => boolean
    textOf: (data: any) => string
  },
): Promise<StreamResult> {
  const startMs = performance.now()
  const payload = JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
          authorization: 'Bearer bench',
          'openai-beta': 'assistants=v2',
        },
      },
      (response) => {
        const result: StreamResult = { firstMs: NaN, totalMs: NaN, text: '', isWhole: false }
        let rest = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          rest += chunk
          const blocks = rest.split('\n\n')
          rest = blocks.pop() ?? ''
          for (const block of blocks) {
            if (options.isDelta(block)) {
              if (Number.isNaN(result.firstMs)) result.firstMs = performance.now() - startMs
              result.text += options.textOf(JSON.parse(block.slice(block.indexOf('data: ') + 6)))
            } else if (options.isEnd(block)) result.isWhole = true
          }
        })
        response.on('end', () => {
          result.totalMs = performance.now() - startMs
          if (response.statusCode === 200) resolve(result)
          else reject(new Error(`${response.statusCode}: ${rest}`))
        })
        response.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(payload)
  })
}

export const spoolStream = {
  isDelta: (block: string) => block.startsWith('event: thread.message.delta'),
  isEnd: (block: string) => block.startsWith('event: thread.run.completed'),
  textOf: (data: any): string => data.delta.content[0].text.value,
}

export const chatStream = {
  isDelta: (block: string) => block.includes('"content":"') && !block.includes('"content":""'),
  isEnd: (block: string) => block.includes('[DONE]'),
  textOf: (data: any): string => data.choices[0]?.delta?.content ?? '',
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
