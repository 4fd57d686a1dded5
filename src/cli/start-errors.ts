/** Errors of a start, each a sentence that names the setting and the fix. */
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { hasCluster } from '../database/open.ts'
import { codeOf } from '../util/error-code.ts'
import { messageOf } from '../util/describe-error.ts'

/** A start that cannot succeed; the message is for the user who started it. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** For commands that read existing data: throws `StartError` for a folder without a database. */
export function requireDatabase({ databaseUrl, dataDir }: Config): void {
  if (databaseUrl !== undefined || hasCluster(dataDir)) return
  throw new StartError(
    `There is no database in ${resolve(dataDir)}. Name the data folder of the server with --data-dir, or set DATABASE_URL.`,
  )
}

/** Checks that the server can listen, before anything slow is started. Throws `StartError`. */
export async function checkPort({ host, port }: Config): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => server.close(() => resolve()))
    })
  } catch (error) {
    throw new StartError(listenReason(error, { host, port }), { cause: error })
  }
}

export function listenReason(error: unknown, { host, port }: { host: string; port: number }): string {
  const code = codeOf(error)
  switch (code) {
    case 'EADDRINUSE':
      return `PORT is ${port}, and another program listens at ${host}:${port} already (EADDRINUSE). Stop it, or choose another port with --port ${port + 1}.`
    case 'EACCES':
      return `PORT is ${port}, and this user may not listen on it (EACCES). Choose a port above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST is ${host}, which is not an address of this machine (${code}). Use 127.0.0.1 for this machine only, or 0.0.0.0 for all networks.`
    default:
      return `The server cannot listen at ${host}:${port} (HOST, PORT): ${messageOf(error)}`
  }
}
