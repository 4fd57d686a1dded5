/** Why a start failed, in a sentence that names the setting and the fix. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'

/** A start that cannot succeed; the message is for the user who started it. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** Creates the folder where it is missing and checks that it can be written. Throws `StartError`. */
export async function prepareFolder(folder: string, setting: string): Promise<void> {
  const probe = join(folder, `.write-test-${process.pid}`)
  try {
    // Others may pass through the folder but not list it: the database and sandboxes may run as other users.
    await mkdir(folder, { recursive: true, mode: 0o711 })
    await writeFile(probe, '')
    await rm(probe, { force: true })
  } catch (error) {
    throw new StartError(`${setting} is ${folder}, ${folderReason(error)}`, { cause: error })
  }
}

export function folderReason(error: unknown): string {
  const code = codeOf(error)
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `and this user may not write there (${code}). Give the folder to this user, or set another.`
    case 'EROFS':
      return 'which is on a read-only file system (EROFS). Mount it writable, or set another folder.'
    case 'EEXIST':
    case 'ENOTDIR':
      return `which is a file or lies below one (${code}). Set a folder.`
    case 'ENOSPC':
    case 'EDQUOT':
      return `and the disk is full (${code}). Free some space, or set another folder.`
    default:
      return `which cannot be used: ${error instanceof Error ? error.message : String(error)}.`
  }
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
      return `PORT is ${port}, and another program listens at ${host}:${port} already (EADDRINUSE). Stop it, or choose another port: npm start -- --port ${port + 1}`
    case 'EACCES':
      return `PORT is ${port}, and this user may not listen on it (EACCES). Choose a port above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST is ${host}, which is not an address of this machine (${code}). Use 127.0.0.1 for this machine only, or 0.0.0.0 for all networks.`
    default:
      return `The server cannot listen at ${host}:${port} (HOST, PORT): ${error instanceof Error ? error.message : String(error)}`
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
