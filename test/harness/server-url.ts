/** The test run's database server, as a URL that every process understands. */
import type { ConnectionSettings } from '../../src/database/client.ts'
import { connectPostgres } from '../../src/database/postgres.ts'

export function urlOf({ host = '', port, user, password, database }: ConnectionSettings): string {
  const url = new URL(`postgres://localhost:${port}/${database}`)
  url.username = user ?? ''
  url.password = password ?? ''
  // The folder of a socket is not a valid host in a URL.
  url.searchParams.set('host', host)
  url.searchParams.set('sslmode', 'disable')
  return url.href
}

/** The same server, another database of it. */
export function urlInDatabase(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}

/** Runs one statement on a connection that lasts no longer. */
export async function onServer<Row extends object>(server: string, text: string): Promise<Row[]> {
  const db = connectPostgres({ connectionString: server, max: 1, log: () => undefined })
  try {
    return await db.query<Row>({ text })
  } finally {
    await db.close()
  }
}
