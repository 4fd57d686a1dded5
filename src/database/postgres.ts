/** PostgreSQL through `pg`: a pool for statements and transactions, separate connections for the rest. */
import pg from 'pg'
import type { Log } from '../util/log.ts'
import { DatabaseUnavailable, type Database, type Queryable, type Statement } from './database.ts'
import { clientConfig, execute, openClient, run, type ConnectionSettings } from './client.ts'
import { translateError } from './errors.ts'
import { listen } from './listen.ts'

/** Kept open while idle, so that the first request after a pause does not wait for a new connection. */
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
    // Without these two listeners a connection that is lost between statements would end the process. The next
    // statement on it fails by itself. The pool listens only to idle clients.
    this.#pool.on('error', (error) => {
      // While closing, the server may close its side first.
      if (this.#closing === undefined)
        log('warn', 'an idle database connection was lost', { error: error.message })
    })
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
  }

  async query<Row extends object>(statement: Statement): Promise<Row[]> {
    const client = await this.#acquire()
    let isLost = false
    try {
      return await run<Row>(client, statement)
    } catch (error) {
      // A statement that failed for another reason leaves its connection usable.
      isLost = error instanceof DatabaseUnavailable
      throw error
    } finally {
      client.release(isLost)
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
      // After an outage the connection is not used again: a session that was read-only would stay so.
      broken = !(await tx.rollback()) || error instanceof DatabaseUnavailable
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
      throw translateError(error, false)
    }
  }
}

/** One transaction on one connection; it takes no statement once it has ended. */
class Transaction implements Queryable {
  readonly #client: pg.PoolClient
  readonly #began: Promise<unknown>
  #ended = false

  constructor(client: pg.PoolClient) {
    this.#client = client
    // Not awaited: `begin` and the first statement are sent together, which saves a round trip.
    this.#began = execute(client, { text: 'begin' })
    this.#began.catch(() => undefined)
  }

  async query<Row extends object>(statement: Statement): Promise<Row[]> {
    // A late statement would run outside of the transaction, on a connection that another caller may have.
    if (this.#ended)
      throw new Error(`a statement was sent after its transaction had ended: ${statement.text}`)
    return run<Row>(this.#client, statement)
  }

  async commit(): Promise<void> {
    this.#ended = true
    await this.#began
    const { command } = await execute(this.#client, { text: 'commit' })
    // A transaction in which a statement failed answers `commit` with a rollback and no error.
    if (command !== 'COMMIT') {
      throw new Error(
        'the transaction was rolled back: one of its statements failed and its error was ignored',
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
