/** How clients reach the embedded server: a Unix socket inside its own 0700 folder, or loopback and a password. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionSettings } from './session.ts'

/** The superuser that `initdb` creates, and its database. */
export const superuser = 'spool'
const database = 'postgres'

/** The role that the server works as. */
const user = 'spool_server'

/** On a Unix socket the port is only a part of the file's name, and the folder holds one server. */
const socketPort = 5432

/** The kernels' limit is 108 bytes on Linux and 104 on macOS, with the closing zero. */
const longestSocketPath = 100

export const usesUnixSocket = process.platform !== 'win32'

/** A way to the server that lasts until `close`. */
export interface Address {
  /** As the role that the server works as. */
  connection: ConnectionSettings
  close: () => void
}

/**
 * The server always creates its socket in the cluster's folder, under a name relative to it; only a client needs a
 * path. `passwordFile` is read where there are no Unix sockets.
 */
export async function addressOf(cluster: string, passwordFile: string): Promise<Address> {
  if (usesUnixSocket) {
    const name = shortName(cluster)
    return {
      connection: { host: name.path, port: socketPort, user, database, ssl: false },
      close: name.close,
    }
  }
  const port = runningPort(cluster) ?? (await freePort())
  const password = readFileSync(passwordFile, 'utf8').trim()
  return {
    connection: { host: '127.0.0.1', port, user, password, database, ssl: false },
    close: () => undefined,
  }
}

/** The same address, as the superuser. */
export function asSuperuser({ connection }: Address): ConnectionSettings {
  return { ...connection, user: superuser }
}

/** The server's arguments for where to listen. */
export function listenArguments(address: Address): string[] {
  const { port } = address.connection
  if (usesUnixSocket) return ['-k', '.', '-p', String(port), '-c', 'listen_addresses=']
  return ['-k', '', '-p', String(port), '-c', 'listen_addresses=127.0.0.1']
}

/** The cluster's own path, or a short private name for the same folder when that would not fit a socket's address. */
function shortName(cluster: string): { path: string; close: () => void } {
  if (fits(cluster)) return { path: cluster, close: () => undefined }
  const descriptor = openSync(cluster, 'r')
  const throughDescriptor = `/proc/self/fd/${descriptor}`
  if (existsSync(join(throughDescriptor, 'PG_VERSION'))) {
    return { path: throughDescriptor, close: () => closeSync(descriptor) }
  }
  closeSync(descriptor)
  const folder = mkdtempSync(join(tmpdir(), 'spool-'))
  symlinkSync(cluster, join(folder, 'c'))
  return { path: join(folder, 'c'), close: () => rmSync(folder, { recursive: true, force: true }) }
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${socketPort}`)) <= longestSocketPath
}

/** The port that a server in this cluster wrote into its pid file. */
function runningPort(cluster: string): number | undefined {
  try {
    const port = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[3])
    return Number.isInteger(port) && port > 0 ? port : undefined
  } catch {
    return undefined
  }
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : socketPort))
    })
  })
}
