/** Folders that a user names, folders for temporary files, and the free space of their disks. */
import { mkdir, mkdtemp, rm, stat, writeFile, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { codeOf } from './error-code.ts'
import { messageOf } from './describe-error.ts'

/**
 * Creates the folder where it is missing and checks that it can be written. `name` is how the user knows it, such as
 * a setting. Throws a sentence that says what to do.
 */
export async function prepareFolder(folder: string, name: string, mode = 0o777): Promise<void> {
  const probe = join(folder, `.write-test-${process.pid}`)
  try {
    await makeFolder(folder, mode)
    // A full disk still takes an empty file.
    await writeFile(probe, 'probe')
    await rm(probe, { force: true })
  } catch (error) {
    await rm(probe, { force: true }).catch(() => undefined)
    throw new Error(`${name} is ${folder}, ${folderReason(error)}`, { cause: error })
  }
}

/** Others may pass through a data folder but not list it: the database and sandboxes may run as other users. */
export function prepareDataFolder(folder: string): Promise<void> {
  return prepareFolder(folder, 'SPOOL_DATA_DIR', 0o711)
}

/** A new folder in the system's folder for temporary files. Throws a sentence that says what to do. */
export function makeTemporaryFolder(prefix: string): Promise<string> {
  return mkdtemp(join(tmpdir(), prefix)).catch(refuseTemporary)
}

/** Checks that ingest, imports and cells can write temporary files. Throws a sentence that says what to do. */
export async function checkTemporaryFolder(): Promise<void> {
  const folder = await makeTemporaryFolder('spool-check-')
  try {
    await writeFile(join(folder, 'probe'), 'probe')
  } catch (error) {
    refuseTemporary(error)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function refuseTemporary(error: unknown): never {
  const isMissing = codeOf(error) === 'ENOENT'
  const reason = isMissing ? 'which does not exist (ENOENT). Create it, or set another.' : folderReason(error)
  throw new Error(`TMPDIR, the folder for temporary files, is ${tmpdir()}, ${reason}`, { cause: error })
}

/** `mkdir` with `recursive` never ends below folders such as /proc, which have no such entry and take no new one. */
async function makeFolder(folder: string, mode: number): Promise<void> {
  if (await isFolder(folder)) return
  if (dirname(folder) !== folder) await makeFolder(dirname(folder), mode)
  await mkdir(folder, { mode }).catch(async (error: unknown) => {
    if (!(await isFolder(folder))) throw error
  })
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
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
      return `which is a file, lies below one, or is a link to nothing (${code}). Set a folder.`
    case 'ENOENT':
      return 'where the system does not allow new folders (ENOENT). Set another folder.'
    case 'ENAMETOOLONG':
      return `which is too long (${code}). Set a shorter one.`
    case 'ENOSPC':
    case 'EDQUOT':
      return `and the disk is full (${code}). Free some space, or set another folder.`
    default:
      return `which cannot be used: ${messageOf(error)}.`
  }
}

/** Bytes that this user may still write to the disk of the folder. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
