/** Blobs in a folder: `ab/cd/abcd…`, written to `tmp/` and moved into place when they are complete and durable. */
import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { requireBlobName, requireRange, type BlobStore, type StoredBlob } from './port.ts'
import type { DiskBlobSettings } from './settings.ts'
import { freeBytes } from '../util/folder.ts'
import { lowOnSpace, onDisk } from './unavailable.ts'
import { withSource, writeHashed } from './write-hashed.ts'
import { codeOf } from '../util/error-code.ts'

/**
 * A file in `tmp/` without a write for this long was left by a crash. Several processes may share the folder, so a newer
 * file may be an unfinished upload. A put whose file is removed fails; it never loses bytes.
 */
const leftoverMs = 60 * 60 * 1000

/**
 * Creates the folder when it is missing, readable by this user only. A put that would
 * leave less than `minFreeBytes` free on its disk rejects with `BlobsUnavailable`.
 */
export async function openDiskBlobStore(
  settings: DiskBlobSettings,
  { minFreeBytes }: { minFreeBytes: number } = { minFreeBytes: 0 },
): Promise<BlobStore> {
  const folder = resolve(settings.folder)
  await mkdir(temporaryFolder(folder), { recursive: true, mode: 0o700 })
  await sweepLeftovers(temporaryFolder(folder))
  const identity = (await readIdentity(folder)) ?? (await makeIdentity(folder))
  return {
    identity: () => Promise.resolve(identity),
    put: (source, signal) => withSource(source, () => put({ folder, minFreeBytes }, source, signal)),
    get: (sha256, range) => get(folder, sha256, range),
    remove: (sha256) => remove(folder, sha256),
    close: () => Promise.resolve(),
  }
}

async function put(
  { folder, minFreeBytes }: { folder: string; minFreeBytes: number },
  source: Readable,
  signal?: AbortSignal,
): Promise<StoredBlob> {
  const temporary = temporaryFile(folder)
  try {
    const bytes = minFreeBytes === 0 ? Infinity : (await onDisk(freeBytes(folder))) - minFreeBytes
    const file = await onDisk(open(temporary, 'wx', 0o600))
    const blob = await closing(file, async () => {
      const limit = { bytes, error: () => lowOnSpace(folder, minFreeBytes) }
      if (bytes < 0) throw limit.error()
      const written = await writeHashed(source, file, { signal, limit })
      await onDisk(file.sync())
      return written
    })
    signal?.throwIfAborted()
    await onDisk(moveIntoPlace(folder, temporary, blob))
    return blob
  } finally {
    await removeTemporary(temporary)
  }
}

/** A file that cannot be removed, for example on a disk that became read-only, is removed at a later start. */
async function removeTemporary(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined)
}

async function moveIntoPlace(folder: string, temporary: string, blob: StoredBlob): Promise<void> {
  const path = blobPath(folder, blob.sha256)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  // An existing file is kept: Windows refuses to replace a file that is being read. If its length is wrong, the disk lost
  // data, and the new file replaces it.
  if ((await sizeOf(path)) !== blob.bytes) await rename(temporary, path)
  // Also for an existing blob: the put that moved it into place may not have reached this line yet.
  const parent = dirname(path)
  for (const changed of [parent, dirname(parent), folder]) await syncFolder(changed)
}

async function get(
  folder: string,
  sha256: string,
  range: { start: number; end: number } | undefined,
): Promise<Readable | undefined> {
  const path = blobPath(folder, requireBlobName(sha256))
  if (range !== undefined) requireRange(range)
  const file = await ifThere(open(path, 'r'))
  return file?.createReadStream(range ?? {})
}

async function remove(folder: string, sha256: string): Promise<void> {
  const path = blobPath(folder, requireBlobName(sha256))
  // The folders stay, even empty ones: a put at the same time may have just created them.
  if ((await sizeOf(path)) === undefined) return
  await rm(path, { force: true })
  await syncFolder(dirname(path))
}

function blobPath(folder: string, sha256: string): string {
  return join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
}

function temporaryFolder(folder: string): string {
  return join(folder, 'tmp')
}

function temporaryFile(folder: string): string {
  return join(temporaryFolder(folder), randomBytes(16).toString('hex'))
}

async function sweepLeftovers(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const path = join(temporary, name)
    const found = await ifThere(stat(path))
    // File times come from the clock of the machine, so compare with that, not with the server's `Clock`.
    if (found !== undefined && Date.now() - found.mtimeMs > leftoverMs) await removeTemporary(path)
  }
}

async function readIdentity(folder: string): Promise<string | undefined> {
  const text = await ifThere(readFile(identityFile(folder), 'utf8'))
  if (text === undefined || /^disk-[0-9a-f-]{36}\n$/.test(text)) return text?.trim()
  throw new Error(
    `${identityFile(folder)} is not the identity of a blob store: is ${folder} the right folder?`,
  )
}

async function makeIdentity(folder: string): Promise<string> {
  const temporary = temporaryFile(folder)
  const file = await open(temporary, 'wx', 0o600)
  try {
    await closing(file, async () => {
      await file.appendFile(`disk-${randomUUID()}\n`)
      await file.sync()
    })
    // A link, not a rename: when two processes open a new folder, the second must not replace the identity of the first.
    await link(temporary, identityFile(folder)).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(temporary, { force: true })
  }
  await syncFolder(folder)
  const identity = await readIdentity(folder)
  if (identity === undefined) throw new Error(`${identityFile(folder)} disappeared while it was created`)
  return identity
}

function identityFile(folder: string): string {
  return join(folder, 'identity')
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await ifThere(stat(path)))?.size
}

/** Makes the file names of a folder durable. */
async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder for this; its file system has a journal for names.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  await closing(handle, () => handle.sync())
}

async function closing<Result>(handle: FileHandle, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } finally {
    await handle.close()
  }
}

async function ifThere<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
