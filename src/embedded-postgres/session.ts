/** One connection to the embedded database as superuser, for the lock of the folder and for the roles. */
import pg from 'pg'
import { messageOf } from '../util/describe-error.ts'
import { codeOf } from '../util/error-code.ts'

export interface ConnectionSettings {
  /** A host name, or the folder of a Unix socket. */
  host: string
  port: number
  user: string
  password?: string
  database: string
  /** Never encrypted: the server is on this machine. */
  ssl: false
}

/** Nothing answers at the address, or the server is starting, stopping or recovering: try again later. */
export class ServerUnavailable extends Error {
  override readonly name = 'ServerUnavailable'
  /** Whether nothing listens there at all. */
  readonly isAbsent: boolean
  constructor(cause: unknown) {
    super(`The embedded database does not answer: ${messageOf(cause)}`, { cause })
    const code = codeOf(cause)
    this.isAbsent = code === 'ECONNREFUSED' || code === 'ENOENT'
  }
}

export interface Session {
  /** Throws `ServerUnavailable` when the connection is lost. */
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  /** Resolves when the connection has ended, for any reason. */
  ended: Promise<void>
  close(): Promise<void>
}

const connectTimeoutMs = 5_000

/** Throws `ServerUnavailable`, or the error with which the database refused. */
export async function connect(connection: ConnectionSettings, applicationName = 'spool'): Promise<Session> {
  const client = new pg.Client({
    ...connection,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
  })
  // `ended` and the next statement report a lost connection.
  client.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => client.once('end', () => resolve()))
  try {
    await client.connect()
  } catch (error) {
    // Not awaited: a database that does not answer does not answer this either.
    void client.end().catch(() => undefined)
    throw translate(error)
  }
  return {
    async query<Row extends object>(text: string, values: unknown[] = []) {
      try {
        return (await client.query<Row>(text, values)).rows
      } catch (error) {
        throw translate(error)
      }
    },
    ended,
    close: () => client.end(),
  }
}

/** Class 57P: the database stops, crashed or starts. 53300: no connection is free. */
function translate(error: unknown): unknown {
  const isRefusal = error instanceof pg.DatabaseError && !/^(57P..|53300)$/.test(error.code ?? '')
  return isRefusal ? error : new ServerUnavailable(error)
}
