/** The servers that the bench compares: the model itself, a relay in front of it, and Spool. All answer the same questions. */
import pg from 'pg'
import { findRunningEmbedded } from '../src/embedded-postgres/find-running.ts'
import { chatFormat, spoolFormat, stream, type StreamResult } from './load.ts'
import { startSpool, type BenchServer, type Cost } from './processes.ts'

/** Requests an answer of `tokens` tokens, `everyMs` apart; `name` is in each token. */
export interface Question {
  tokens: number
  everyMs: number
  name: string
}

export interface Target {
  name: string
  ask(question: Question): Promise<StreamResult>
  cost(): Cost
}

/** Spool, with the counters of its database. */
export interface SpoolTarget extends Target {
  url: string
  memory(): { server: number; database: number }
  /** The counters so far; undefined when the database is not the embedded one. */
  counts(): Promise<{ commits: number; walBytes: number } | undefined>
  stop(): Promise<void>
}

const textOf = ({ tokens, everyMs, name }: Question) => `tokens ${tokens} every ${everyMs} as ${name}`

/** A server that speaks Chat Completions. */
export function chatTarget(name: string, server: BenchServer): Target {
  return {
    name,
    ask(question) {
      const messages = [{ role: 'user', content: textOf(question) }]
      return stream(`${server.url}/chat/completions`, { model: 'bench', stream: true, messages }, chatFormat)
    },
    cost: () => server.cost(),
  }
}

export async function spoolTarget(name: string, modelUrl: string, checkout?: string): Promise<SpoolTarget> {
  const { DATABASE_URL } = process.env
  const server = await startSpool(modelUrl, DATABASE_URL ? { DATABASE_URL } : {}, checkout)
  const assistant_id = await makeAssistant(server.url)
  const address = DATABASE_URL ? undefined : await findRunningEmbedded(server.dataDir)
  const client = address && new pg.Client(address.connection)
  await client?.connect()
  return {
    name,
    url: server.url,
    ask(question) {
      const messages = [{ role: 'user', content: textOf(question) }]
      return stream(
        `${server.url}/v1/threads/runs`,
        { assistant_id, stream: true, thread: { messages } },
        spoolFormat,
      )
    },
    cost: () => server.cost(),
    memory: () => server.memory(),
    counts: async () => client && countsOf(client),
    async stop() {
      await client?.end()
      address?.close()
      await server.stop()
    },
  }
}

async function countsOf(client: pg.Client): Promise<{ commits: number; walBytes: number }> {
  const { rows } = await client.query<{ commits: string; wal: string }>(`
    select xact_commit as commits, pg_current_wal_insert_lsn() - '0/0' as wal
    from pg_stat_database where datname = current_database()`)
  return { commits: Number(rows[0]?.commits), walBytes: Number(rows[0]?.wal) }
}

async function makeAssistant(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/assistants`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer bench',
      'openai-beta': 'assistants=v2',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ model: 'bench' }),
  })
  return ((await response.json()) as { id: string }).id
}

/** The number of answers that are incomplete, out of order, or belong to another question. */
export function wrongAnswers(results: StreamResult[], questions: Question[]): number {
  return results.filter((result, index) => {
    const { tokens, name } = questions[index] ?? { tokens: 0, name: '' }
    const text = Array.from({ length: tokens }, (_, token) => `${name}:${token} `).join('')
    return !result.isWhole || result.text !== text
  }).length
}
