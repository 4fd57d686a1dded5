/** The one door to PostgreSQL: statements, transactions, notifications. */

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
  /** Commits what `work` did, or rolls back and rethrows; never retries. */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>
  /**
   * Hears NOTIFY on a channel over a connection of its own until the returned function is called. After the
   * connection was lost it listens again first and then calls `onReconnect`, so that nothing is missed.
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
 * The database cannot be reached right now: not running, restarting, or the connection was lost. Whether a statement
 * that was under way took effect is unknown. The same call works again once the database is back.
 */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'
}
