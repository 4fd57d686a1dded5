/** The folder of the embedded database: it is created completely or not at all, and its version is checked. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { superuser, usesUnixSocket } from './address.ts'
import type { Log } from '../util/log.ts'
import type { Identity, Runner } from './identity.ts'
import type { ProgramsPackage } from './programs.ts'

/** Paths below the data folder. */
export interface Folders {
  /** Holds all the others; 0700. */
  root: string
  /** The data directory of PostgreSQL. */
  cluster: string
  log: string
  password: string
}

export function foldersIn(dataDir: string): Folders {
  const root = join(dataDir, 'database')
  return {
    root,
    cluster: join(root, 'cluster'),
    log: join(root, 'postgres.log'),
    password: join(root, 'password'),
  }
}

const unfinishedPrefix = 'cluster.new-'

/**
 * Creates the cluster if there is none: under another name, then renamed, so that after a kill at any moment there is
 * either nothing or a complete cluster. When two processes do this at once, one succeeds and both use its cluster.
 */
export async function ensureCluster(
  folders: Folders,
  runner: Runner,
  source: ProgramsPackage,
): Promise<void> {
  if (existsSync(folders.cluster)) {
    checkVersion(folders.cluster, source)
    // PostgreSQL refuses a folder that others may read, as a copy from a backup may be.
    chmodSync(folders.cluster, 0o700)
    return
  }
  const unfinished = join(folders.root, unfinishedPrefix + randomBytes(6).toString('hex'))
  makeFolder(unfinished, runner.identity)
  try {
    await initdb(unfinished, folders, runner)
    renameSync(unfinished, folders.cluster)
    syncFolder(folders.root)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    // Another process has created the cluster in the meantime.
    if (!existsSync(folders.cluster)) throw error
  }
}

function makeFolder(folder: string, { uid, gid }: Identity): void {
  mkdirSync(folder, { mode: 0o700 })
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid)
}

/** Removes the files of first starts that were killed. Only for the process that holds the lock of the folder. */
export function removeLeftovers({ root }: Folders, log: Log): void {
  for (const name of readdirSync(root).filter((entry) => entry.startsWith(unfinishedPrefix))) {
    try {
      rmSync(join(root, name), { recursive: true, force: true, maxRetries: 3, retryDelay: 50 })
    } catch (error) {
      // An `initdb` whose parent was killed may still write here. The next start removes its files.
      log('warn', 'files of an incomplete first start could not be removed yet', { error: String(error) })
    }
  }
}

async function initdb(folder: string, folders: Folders, { identity, programs }: Runner): Promise<void> {
  const args = ['-D', folder, '-U', superuser, '-E', 'UTF8', '--no-instructions']
  // Text sorts by code point on every machine; libc and ICU collations change between versions and break indexes.
  args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8')
  if (usesUnixSocket) {
    // The socket is in the cluster's folder, and PostgreSQL requires 0700 for it: who can open the socket owns the
    // files as well. `peer` is not safer: in a user namespace it maps all unknown users to one.
    args.push('-A', 'trust')
  } else {
    writeFileSync(folders.password, randomBytes(24).toString('base64url'), { mode: 0o600 })
    args.push('-A', 'scram-sha-256', `--pwfile=${folders.password}`)
  }
  const [program = '', ...rest] = [...identity.prefix, programs.initdb, ...args]
  await new Promise<void>((resolve, reject) => {
    execFile(
      program,
      rest,
      { env: programs.env, uid: identity.uid, gid: identity.gid },
      (error, stdout, stderr) => {
        if (error === null) return resolve()
        reject(
          new Error(
            `The embedded database could not be created in ${folders.root}: ${causeIn(stderr || stdout || error.message)}`,
          ),
        )
      },
    )
  })
}

/** Throws when the cluster has another major version than the programs, which then cannot open it. */
function checkVersion(cluster: string, source: ProgramsPackage): void {
  const mark = join(cluster, 'PG_VERSION')
  if (!existsSync(mark))
    throw new Error(
      `The folder ${cluster} is not a PostgreSQL database; move it away to start with an empty one.`,
    )
  const found = readFileSync(mark, 'utf8').trim()
  const [expected] = source.version.split('.')
  if (found === expected) return
  throw new Error(
    `The database in ${cluster} was created by PostgreSQL ${found}, and this version of Spool includes PostgreSQL ${expected}, ` +
      "which cannot open it. With the version that made it, run 'spool backup FILE'; then move the folder " +
      `${dirname(cluster)} away, and run 'spool restore FILE' with this version.`,
  )
}

/** What `initdb` printed about its failure, with the fix where one is known. */
function causeIn(output: string): string {
  if (/No space left on device|could not write|Disk quota exceeded/.test(output))
    return 'the disk is full. Free some space, or set SPOOL_DATA_DIR to a folder on another disk.'
  const user = /effective user ID (\d+)/.exec(output)?.[1]
  if (user === undefined) return lastLines(output)
  return (
    `user ${user} has no line in /etc/passwd, which PostgreSQL needs to make a database. Add one, start as a user ` +
    'that has one, or set DATABASE_URL to a PostgreSQL server.'
  )
}

export function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join(' / ')
}

function syncFolder(folder: string): void {
  // Windows cannot open folders, and its file system makes renames durable itself.
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
