/** The folder of this process's session folders, and the removal of those of a killed server. */
import { createHash, randomUUID } from 'node:crypto'
import { lstat, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { isRunning } from '../util/processes.ts'

/**
 * A folder `name` below `<dataDir>/sandbox` that session users can reach. A root server runs its sessions under
 * other user ids: when these may not enter the folders above the data folder, the folder is in the system's /tmp.
 */
export async function sandboxFolder(dataDir: string, name: string): Promise<string> {
  const inData = resolve(dataDir, 'sandbox', name)
  await mkdir(inData, { recursive: true, mode: 0o711 })
  if (process.getuid?.() !== 0 || (await openToAll(inData))) return inData
  const home = temporaryHome(dataDir)
  const inTmp = join(home, name)
  await mkdir(inTmp, { recursive: true, mode: 0o711 })
  await requireOwn(home)
  return inTmp
}

/** A new folder for the sessions of this process, named for host and process. */
export async function sessionsFolder(dataDir: string): Promise<string> {
  const home = await sandboxFolder(dataDir, 'sessions')
  await removeLeftovers(home)
  const folder = join(home, `${hostname()}.${process.pid}.${randomUUID()}`)
  await mkdir(folder, { mode: 0o711 })
  return folder
}

function temporaryHome(dataDir: string): string {
  const key = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16)
  return join(tmpdir(), `spool-sandbox-${key}`)
}

/** Refuses the folder of another user: every user can create one in /tmp, and its owner can replace the files in it. */
async function requireOwn(folder: string): Promise<void> {
  const found = await lstat(folder)
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0) return
  throw new Error(`${folder} belongs to another user or can be changed by others. Remove it and start again.`)
}

/** Whether every user may enter the folder and those above it, or run the program. */
export async function openToAll(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

/**
 * Other hosts may share the folder, so this removes only folders of this host whose process has ended. A folder that
 * cannot be removed, such as another user's, is kept.
 */
async function removeLeftovers(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const owner = name.startsWith(`${hostname()}.`) ? Number(name.split('.').at(-2)) : Number.NaN
    if (!Number.isInteger(owner) || isRunning(owner)) continue
    await rm(join(home, name), { recursive: true, force: true }).catch(() => undefined)
  }
}
