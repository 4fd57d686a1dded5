/** One connection to PostgreSQL: opening it, running a statement on it, and reading values as JavaScript. */
import pg from 'pg'
import type { Statement } from './database.ts'
import { translateError } from './errors.ts'

export interface ConnectionSettings {
  connectionString?: string
  /** A host name, or the folder of a Unix socket. */
  host?: string
  port?: number
  user?: string
  password?: string
  database?: string
  /** False: never encrypted. Absent: as the connection string or the driver's environment variables say. */
  ssl?: false
  /** How long a statement may take before it fails and its connection is closed. Absent: without a limit. */
  timeoutMs?: number
}

/** How long a statement waits for a connection, from the pool or the network. */
const connectTimeoutMs = 10_000

/** The driver's settings for every connection of this process. */
export function clientConfig({ timeoutMs, ...connection }: ConnectionSettings): pg.ClientConfig {
  return {
    ...connection,
    types: { getTypeParser },
    // Statements that are started together are sent together; the server executes them in that order.
    pipeline: true,
    connectionTimeoutMillis: Math.min(connectTimeoutMs, timeoutMs ?? connectTimeoutMs),
    // Measured by the client: when the network is silent, an error of the server would never arrive.
    ...(timeoutMs !== undefined && { query_timeout: timeoutMs }),
    // A connection that only listens has no statement that could fail, so the kernel checks the peer.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

/** A connection outside of any pool. When it is lost, its `end` event fires and the next statement fails. */
export async function openClient(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config)
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    // Not awaited: a host that never answered does not answer this either.
    void client.end().catch(() => undefined)
    throw translateError(error, false)
  }
}

export async function run<Row extends object>(client: pg.ClientBase, statement: Statement): Promise<Row[]> {
  return (await execute<Row>(client, statement)).rows
}

export async function execute<Row extends object>(
  client: pg.ClientBase,
  statement: Statement,
): Promise<pg.QueryResult<Row>> {
  try {
    // Several statements in one text give a list of results; the last one counts.
    const result = await client.query<Row>(statement)
    const last = Array.isArray(result) ? (result as pg.QueryResult<Row>[]).at(-1) : result
    if (last === undefined) throw new Error('the statement is empty')
    return last
  } catch (error) {
    throw translateError(error)
  }
}

const int8Oid: number = pg.types.builtins.INT8
const int8ArrayOid = 1016

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (format === 'binary') return pg.types.getTypeParser(oid, 'binary')
  if (oid === int8Oid) return parseInt8
  const parse = pg.types.getTypeParser(oid, 'text') as (text: string) => unknown
  if (oid !== int8ArrayOid) return parse
  return (text: string) =>
    (parse(text) as (string | null)[]).map((item) => (item === null ? null : parseInt8(item)))
}

function parseInt8(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number))
    throw new RangeError(`the number ${text} from the database is too large to be exact`)
  return number
}
