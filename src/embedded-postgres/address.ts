/** The address of the embedded database: a Unix socket in its own 0700 folder, or loopback with a password. */
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionSettings } from './session.ts'

/** The superuser that `initdb` creates, and its database. */
export const superuser = 'spool'
const database = 'postgres'

/** The role that Spool connects as. */
const user = 'spool_server'

/** On a Unix socket the port is only a part of the file name, and the folder has one socket. */
const socketPort = 5432

/** The kernel's limit is 108 bytes on Linux and 104 on macOS, with the zero at the end. */
const longestSocketPath = 100

export const usesUnixSocket = process.platform !== 'win32'

/** An address that is valid until `close`. */
export interface Address {
  /** For the role that Spool connects as. */
  connection: ConnectionSettings
  close: () => void
}

/**
 * PostgreSQL creates its socket in the cluster's folder, under a relative name; only clients need a path.
 * `passwordFile` is read on systems without Unix sockets.
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

/** The arguments of PostgreSQL for the address to listen at. */
export function listenArguments(address: Address): string[] {
  const { port } = address.connection
  if (usesUnixSocket) return ['-k', '.', '-p', String(port), '-c', 'listen_addresses=']
  return ['-k', '', '-p', String(port), '-c', 'listen_addresses=127.0.0.1']
}

/** The cluster's path, or a short private name of the same folder when the path is too long for a socket's address. */
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

/** The port in the pid file of this cluster. */
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
