/** The interface to PostgreSQL: statements, transactions, notifications. */
import { Unavailable } from '../util/unavailable.ts'

/** What a statement can be run on: the pool, or one transaction. */
export interface Queryable {
  /**
   * Runs one statement. `name` makes it a prepared statement: give one to each statement that is run often, always
   * with the same text. Counts come back as numbers, `json` parsed.
   */
  query<Row extends object>(statement: Statement): Promise<Row[]>
}

export interface Statement {
  name?: string
  text: string
  values?: unknown[]
}

export interface Database extends Queryable {
  /** Commits what `work` did, or rolls back and rethrows. It never retries. */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>
  /**
   * Receives NOTIFY on a channel over a separate connection until the returned function is called. After a lost
   * connection it listens again first and then calls `onReconnect`, so that the caller can read what it missed.
   */
  listen(
    channel: string,
    onNotify: (payload: string) => void,
    onReconnect: () => void,
  ): Promise<() => Promise<void>>
  /** A connection outside the pool, for heartbeats and session locks. */
  dedicated(): Promise<Queryable & { close(): Promise<void> }>
  close(): Promise<void>
}

/**
 * The database cannot serve now: it is not running, restarting, out of disk, did not answer in time, or the connection
 * was lost. Whether an unfinished statement took effect is unknown. The same call works once the database is back.
 */
export class DatabaseUnavailable extends Unavailable {
  override readonly name = 'DatabaseUnavailable'
  /** Whether a statement may have been sent. False: there was no connection, and nothing has happened. */
  readonly wasSent: boolean

  constructor(message: string, { wasSent = true, ...options }: ErrorOptions & { wasSent?: boolean } = {}) {
    super('its database is not answering', message, options)
    this.wasSent = wasSent
  }
}
