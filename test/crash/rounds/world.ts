/** The environment of a round: server processes, their database, and a disk that can be filled. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { startEmbedded } from '../../../src/embedded-postgres/embedded-postgres.ts'
import { connectPostgres } from '../../../src/database/postgres.ts'
import type { Database } from '../../../src/database/database.ts'
import { databasePid, makeDataDir, type DataDir } from '../../harness/data-dir.ts'
import { databaseProxy, type DatabaseProxy } from '../../harness/database-proxy.ts'
import { startProcess, type ServerProcess } from '../../harness/process.ts'
import { onServer, urlInDatabase, urlOf } from '../../harness/server-url.ts'

/** `one`: a server with its own database. `shared`: three servers on one PostgreSQL, behind a proxy that can cut connections. */
export type Setup = 'one' | 'shared'

export interface World {
  setup: Setup
  /** The process of each place; killed ones are replaced. */
  servers: ServerProcess[]
  /** The environment of servers and commands. */
  environment: Record<string, string>
  /** The folder with the database. */
  databaseFolder: string
  /** Null without a shared database. */
  proxy: DatabaseProxy | null
  db: Database | null
  /** Whether the folder of the database is a separate disk, which may be filled. */
  hasOwnDisk: boolean
  /** Whether the shared database takes new connections; null without one. */
  allowConnections: ((allowed: boolean) => Promise<unknown>) | null
  /** What all servers so far have printed. */
  output: () => string
  restart(place: number): Promise<void>
  close(): Promise<void>
}

export async function openWorld(setup: Setup): Promise<World> {
  const [disk, files] = [makeDataDir(), makeDataDir()]
  const hasOwnDisk = mount(disk.path)
  const shared = setup === 'shared' ? await openShared(disk) : undefined
  const environment = {
    SPOOL_DISCOVERY: 'false',
    SPOOL_MIN_FREE_DISK_MB: '8',
    // A run may wait for its outputs until the checks, which come late in a round with many faults.
    SPOOL_RUN_EXPIRES_SECONDS: '86400',
    SPOOL_DATA_DIR: shared ? files.path : disk.path,
    ...(shared && { DATABASE_URL: shared.proxy.url }),
  }
  const dataDir = environment.SPOOL_DATA_DIR
  const roles = setup === 'one' ? ['api,worker'] : ['api,worker', 'api,worker', 'api']
  const servers: ServerProcess[] = []
  const outputs: (() => string)[] = []
  const restart = async (place: number) => {
    const role = { SPOOL_ROLES: roles[place] ?? 'api' }
    const server = await startProcess(dataDir, { ...environment, ...role })
    servers[place] = server
    outputs.push(server.output)
  }
  for (const place of roles.keys()) await restart(place)
  return {
    setup,
    servers,
    environment,
    databaseFolder: disk.path,
    proxy: shared?.proxy ?? null,
    db: shared?.db ?? null,
    hasOwnDisk,
    allowConnections: shared?.allowConnections ?? null,
    output: () => outputs.map((output) => output()).join('\n'),
    restart,
    async close() {
      for (const server of servers) await server.end('SIGKILL')
      await shared?.close()
      const pid = databasePid(disk.path)
      if (pid !== undefined) await ended(pid)
      if (hasOwnDisk) spawnSync('umount', ['--lazy', disk.path])
      await disk.remove()
      await files.remove()
    },
  }
}

async function openShared(disk: DataDir) {
  const log = () => undefined
  const postgres = await startEmbedded({ dataDir: disk.path, log })
  const server = urlOf({ ...postgres.connection, user: 'spool' })
  await onServer(server, 'create database crash')
  const url = urlInDatabase(server, 'crash')
  const proxy = await databaseProxy(url)
  const db = connectPostgres({ connectionString: url, max: 2, log })
  return {
    proxy,
    db,
    allowConnections: (allowed: boolean) =>
      onServer(server, `alter database crash allow_connections ${allowed}`),
    async close() {
      await db.close()
      await proxy.close()
      await postgres.stop()
    },
  }
}

/** A small disk of memory on the folder; false where that is not allowed. */
function mount(folder: string): boolean {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return false
  const options = ['-t', 'tmpfs', '-o', 'size=700m,mode=0711', 'tmpfs', folder]
  return spawnSync('mount', options).status === 0
}

/** Fills the disk. Returns a function that frees the space again. */
export function fillDisk(folder: string): () => void {
  const file = join(folder, 'filler')
  const fd = openSync(file, 'w')
  for (let bytes = 1 << 20; bytes >= 1; bytes >>= 1) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(bytes))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  closeSync(fd)
  return () => rmSync(file)
}

/** Ends a process that may have ended already, and waits for it. */
async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 'SIGQUIT')
    } catch {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
