/** Statements of all databases of this process, which a test can hold or fail. */
import pg from 'pg'
import { vi } from 'vitest'

export interface Sent {
  name?: string
  text: string
  values?: string[]
}

/** Executes each statement with `send`, which gets the statement and its usual execution. */
export function statementsBy(
  send: (statement: Sent, execute: () => Promise<unknown>) => Promise<unknown>,
): void {
  const { query } = pg.Client.prototype as { query: (this: void, statement: unknown) => Promise<unknown> }
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(async function (
    this: pg.Client,
    statement: Sent,
  ) {
    return send(statement, () => Reflect.apply(query, this, [statement]))
  } as never)
}

/** The error of a statement whose connection is cut. */
export const cutConnection = () => new Error('Connection terminated unexpectedly')
