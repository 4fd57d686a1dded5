/**
 * The folder of a native session, seen from the host. Untrusted code creates its contents: links are never followed at
 * any place of a path, and only regular files of the session's user count.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { type BigIntStats, constants, createWriteStream } from 'node:fs'
import { chown, type FileHandle, lstat, mkdir, open, opendir, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

/** Deeper trees are treated as an attack on the host. */
const maxDepth = 32
const maxEntries = 10_000
const visitsAtOnce = 64

const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const folderFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_DIRECTORY

export interface Owner {
  uid: number
  gid: number
}

/** A regular file, with a fingerprint that changes when a cell changes the file. */
export interface FoundFile {
  name: string
  bytes: number
  mtimeMs: number
  print: string
}

export interface SessionFolder {
  /** The folder that is /mnt/data inside. */
  readonly data: string
  /** Temporary files of the drivers that cannot mount their own /tmp. */
  readonly tmp: string
  /** Writes a file under a plain name. Replaces anything that a cell created there. */
  put(name: string, source: Readable | Buffer): Promise<void>
  link(name: string, alias: string): Promise<void>
  /** The regular files, at most `maxEntries` entries into the tree. */
  files(): Promise<FoundFile[]>
  read(name: string, maxBytes: number): Promise<Readable>
  /** Bytes on disk and the number of entries; counting stops at `maxEntries`. */
  usage(): Promise<{ bytes: number; full: boolean }>
  /** The device that the folder is on, as stat numbers it. */
  readonly device: bigint
  remove(): Promise<void>
}

/** Creates `path` with its parts, owned by `owner` when given (the server is root), else by the server itself. */
export async function sessionFolder(path: string, owner?: Owner): Promise<SessionFolder> {
  const [data, tmp, incoming] = [join(path, 'data'), join(path, 'tmp'), join(path, 'incoming')]
  await mkdir(path, { recursive: true, mode: 0o711 })
  await mkdir(incoming, { mode: 0o700 })
  for (const folder of [data, tmp]) {
    await mkdir(folder, { mode: 0o700 })
    if (owner) await chown(folder, owner.uid, owner.gid)
  }
  const uid = BigInt(owner?.uid ?? process.getuid?.() ?? 0)
  const device = (await lstat(data, { bigint: true })).dev
  return {
    data,
    tmp,
    async put(name, source) {
      // Written where no cell can reach it, then renamed: a rename replaces a link and does not follow it.
      const part = join(incoming, randomUUID())
      const stream = Buffer.isBuffer(source) ? Readable.from([source]) : source
      await pipeline(stream, createWriteStream(part, { mode: 0o644 }))
      if (owner) await chown(part, owner.uid, owner.gid)
      await rename(part, join(data, plainName(name)))
    },
    async link(name, alias) {
      if (plainName(name) === plainName(alias)) return
      await rm(join(data, alias), { force: true })
      await symlink(name, join(data, alias))
    },
    files: () => regularFiles(data, uid),
    read: (name, maxBytes) => readRegular(data, name, { uid, maxBytes }),
    async usage() {
      const used = [await diskUsage(data), await diskUsage(tmp)]
      return { bytes: used.reduce((all, one) => all + one.bytes, 0), full: used.some((one) => one.full) }
    },
    device,
    remove: () => removeTree(path),
  }
}

/** Returns the name. Throws when it is a path and not a plain name. */
export function plainName(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    throw new Error(`A file in /mnt/data needs a plain name, not '${name}'.`)
  }
  return name
}

async function regularFiles(data: string, uid: bigint): Promise<FoundFile[]> {
  const found: FoundFile[] = []
  await walk(data, async (path, name) => {
    const stats = await lstat(path, { bigint: true }).catch(() => undefined)
    if (stats?.isFile() && stats.uid === uid) {
      found.push({ name, bytes: Number(stats.size), mtimeMs: Number(stats.mtimeMs), print: printOf(stats) })
    }
    return stats?.isDirectory() ?? false
  })
  return found
}

/** Uses the change time, which cells cannot set, unlike the modification time. */
function printOf(stats: BigIntStats): string {
  return `${stats.ino}:${stats.size}:${stats.ctimeNs}`
}

async function diskUsage(folder: string): Promise<{ bytes: number; full: boolean }> {
  let bytes = 0
  const complete = await walk(folder, async (path) => {
    const stats = await lstat(path).catch(() => undefined)
    bytes += (stats?.blocks ?? 0) * 512
    return stats?.isDirectory() ?? false
  })
  return { bytes, full: !complete }
}

/**
 * Calls `visit` for each entry and enters those for which it returns true. Each folder is opened without following
 * links and listed through its descriptor. Returns false when the tree is too large.
 */
async function walk(root: string, visit: (path: string, name: string) => Promise<boolean>): Promise<boolean> {
  let entries = 0

  async function enter(path: string, prefix: string, depth: number): Promise<boolean> {
    const folder = await open(path, folderFlags).catch(() => undefined)
    if (folder === undefined) return true
    try {
      const here = `/proc/self/fd/${folder.fd}`
      const names: string[] = []
      for await (const { name } of await opendir(here)) {
        names.push(name)
        entries += 1
        if (entries > maxEntries) return false
      }
      const folders = await visitAll(names, (name) => visit(`${here}/${name}`, prefix + name))
      if (folders.length > 0 && depth === maxDepth) return false
      for (const name of folders) {
        if (!(await enter(`${here}/${name}`, `${prefix}${name}/`, depth + 1))) return false
      }
      return true
    } finally {
      await folder.close()
    }
  }

  return enter(root, '', 1)
}

/** The names for which `visit` returns true; a few at a time, since each visit waits for a thread. */
async function visitAll(names: string[], visit: (name: string) => Promise<boolean>): Promise<string[]> {
  const chosen: string[] = []
  for (let at = 0; at < names.length; at += visitsAtOnce) {
    const some = names.slice(at, at + visitsAtOnce)
    const answers = await Promise.all(some.map(visit))
    for (const [index, name] of some.entries()) if (answers[index]) chosen.push(name)
  }
  return chosen
}

async function readRegular(
  data: string,
  name: string,
  { uid, maxBytes }: { uid: bigint; maxBytes: number },
): Promise<Readable> {
  const parts = name.split('/').map(plainName)
  const last = parts.pop() ?? ''
  let folder: FileHandle | undefined
  try {
    folder = await open(data, folderFlags)
    for (const part of parts) {
      const next = await open(`/proc/self/fd/${folder.fd}/${part}`, folderFlags)
      await folder.close()
      folder = next
    }
    const file = await open(`/proc/self/fd/${folder.fd}/${last}`, readFlags)
    const stats = await file.stat({ bigint: true })
    if (stats.isFile() && stats.uid === uid && stats.size <= BigInt(maxBytes)) {
      // The size is fixed now: a file that grows while it is read would never end.
      const end = Number(stats.size) - 1
      if (end >= 0) return file.createReadStream({ start: 0, end })
      await file.close()
      return Readable.from([])
    }
    await file.close()
  } finally {
    await folder?.close()
  }
  throw new Error(`/mnt/data/${name} is not a regular file of at most ${maxBytes} bytes.`)
}

/**
 * Removes a tree. A cell may have removed permissions in it, or made it deeper than the longest path; the tools of the
 * system can walk such a tree, and do not follow links.
 */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 })
  } catch {
    const run = promisify(execFile)
    await run('chmod', ['-R', 'u+rwx', path]).catch(() => {})
    await run('rm', ['-rf', '--', path])
  }
}
