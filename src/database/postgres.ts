/** PostgreSQL through `pg`: a pool for statements and transactions, connections of their own for the rest. */
import pg from 'pg'
import type { Log } from '../util/log.ts'
import { DatabaseUnavailable, type Database, type Queryable, type Statement } from './database.ts'
import { clientConfig, execute, openClient, run, type ConnectionSettings } from './client.ts'
import { translateError } from './errors.ts'
import { listen } from './listen.ts'

/** Kept when nothing happens, so that the first request after a pause need not wait for a new one. */
const warmConnections = 2
const idleTimeoutMillis = 30_000

/** Opens no connection yet: the first statement does. `max` counts the pool only. */
export function connectPostgres(settings: ConnectionSettings & { max: number; log: Log }): Database {
  const { max, log, ...connection } = settings
  return new PostgresDatabase(clientConfig(connection), max, log)
}

class PostgresDatabase implements Database {
  readonly #config: pg.ClientConfig
  readonly #pool: pg.Pool
  readonly #log: Log
  #closing: Promise<void> | undefined

  constructor(config: pg.ClientConfig, max: number, log: Log) {
    this.#config = config
    this.#log = log
    this.#pool = new pg.Pool({ ...config, max, min: Math.min(warmConnections, max), idleTimeoutMillis })
    // Without these two a connection that dies while nobody waits on it would end the process; the statement
    // that meets it next fails by itself. The pool listens only to clients that are idle.
    this.#pool.on('error', (error) => {
      // Closing does not wait for the other side, which may close first.
      if (this.#closing === undefined)
        log('warn', 'an idle database connection was lost', { error: error.message })
    })
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
  }

  async query<Row extends object>(statement: Statement): Promise<Row[]> {
    const client = await this.#acquire()
    try {
      return await run<Row>(client, statement)
    } finally {
      // A failed statement leaves its connection good; a lost connection the pool drops by itself.
      client.release()
    }
  }

  async transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    const client = await this.#acquire()
    const tx = new Transaction(client)
    let broken = false
    try {
      const result = await work(tx)
      await tx.commit()
      return result
    } catch (error) {
      broken = !(await tx.rollback())
      throw error
    } finally {
      client.release(broken)
    }
  }

  async listen(channel: string, onNotify: (payload: string) => void, onReconnect: () => void) {
    if (this.#closing !== undefined) throw new DatabaseUnavailable('The database was closed')
    return listen(this.#config, channel, { onNotify, onReconnect, log: this.#log })
  }

  async dedicated(): Promise<Queryable & { close(): Promise<void> }> {
    if (this.#closing !== undefined) throw new DatabaseUnavailable('The database was closed')
    const client = await openClient(this.#config)
    return {
      query: (statement) => run(client, statement),
      close: () => client.end(),
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#pool.end()
    return this.#closing
  }

  async #acquire(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (error) {
      throw translateError(error)
    }
  }
}

/** One transaction on one connection; it takes no statement once it has ended. */
class Transaction implements Queryable {
  readonly #client: pg.PoolClient
  readonly #begun: Promise<unknown>
  #ended = false

  constructor(client: pg.PoolClient) {
    this.#client = client
    // Not waited for: the first statement follows in the same breath, which saves a round trip.
    this.#begun = execute(client, { text: 'begin' })
    this.#begun.catch(() => undefined)
  }

  async query<Row extends object>(statement: Statement): Promise<Row[]> {
    // A statement that comes late would run outside of the transaction, on a connection that somebody else has.
    if (this.#ended) throw new Error(`a statement came after its transaction had ended: ${statement.text}`)
    return run<Row>(this.#client, statement)
  }

  async commit(): Promise<void> {
    this.#ended = true
    await this.#begun
    const { command } = await execute(this.#client, { text: 'commit' })
    // A transaction in which a statement failed answers `commit` with a rollback and no error.
    if (command !== 'COMMIT') {
      throw new Error(
        'the transaction was rolled back: one of its statements had failed and the error was swallowed',
      )
    }
  }

  /** False when the connection must not be used again. */
  async rollback(): Promise<boolean> {
    this.#ended = true
    try {
      await execute(this.#client, { text: 'rollback' })
      return true
    } catch {
      return false
    }
  }
}
