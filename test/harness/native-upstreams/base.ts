/** A model server in a provider's own wire format that refuses what the real one refuses, in its words. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export class Refused extends Error {
  readonly status: number
  readonly body: unknown
  constructor(status: number, body: unknown) {
    super(JSON.stringify(body))
    this.status = status
    this.body = body
  }
}

export interface NativeProvider {
  /** Throws `Refused`. */
  check(body: any, request: IncomingMessage): void
  /** The events of the answer, each as the lines of an SSE frame. */
  answer(body: any): Iterable<string>
}

export interface NativeUpstream {
  /** Scheme, host and port. */
  origin: string
  accepted: any[]
  refused: string[]
  /** The next requests are answered with these statuses, before anything is checked. */
  failures: { status: number; body: unknown; headers?: Record<string, string> }[]
  close(): Promise<void>
}

export async function nativeUpstream(provider: NativeProvider): Promise<NativeUpstream> {
  const upstream: Omit<NativeUpstream, 'origin' | 'close'> = { accepted: [], refused: [], failures: [] }
  const server = createServer((request, response) => {
    void (async () => {
      const body = JSON.parse(Buffer.concat(await request.toArray()).toString())
      const failure = upstream.failures.shift()
      try {
        if (failure)
          throw Object.assign(new Refused(failure.status, failure.body), { headers: failure.headers })
        provider.check(body, request)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        if (!failure) upstream.refused.push(error.message)
        response.writeHead(error.status, { 'content-type': 'application/json', ...failure?.headers })
        response.end(JSON.stringify(error.body))
        return
      }
      upstream.accepted.push(body)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const frame of provider.answer(body)) {
        if (response.destroyed) return
        response.write(`${frame}\n\n`)
        await new Promise((done) => setImmediate(done))
      }
      response.end()
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ...upstream,
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The model calls as the last user text says, `call A and B then C`, and then answers. */
export function planned(question: string, turnsDone: number): string[] {
  const [, list = ''] = /call ([\w, ]+)/.exec(question) ?? []
  const turn = list.split(' then ')[turnsDone]?.trim() ?? ''
  return turn === '' ? [] : turn.split(' and ').map((name) => name.trim())
}

export function argumentsOf(name: string): object {
  if (name === 'file_search') return { queries: ['moon'] }
  return name === 'code_interpreter' ? { code: '6 * 7' } : { city: 'Rome' }
}

/** Keywords of a JSON Schema that a server does not know. */
export function schemaHas(value: unknown, keyword: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, one]) => key === keyword || schemaHas(one, keyword))
}
