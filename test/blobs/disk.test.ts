import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  statfs,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBlobStore } from '../../src/blobs/open.ts'
import { BlobsUnavailable, onDisk } from '../../src/blobs/unavailable.ts'
import { blobStoreContract, hashOf, inShort, read, type BlobStoreUnderTest } from '../contracts/blob-store.ts'

blobStoreContract('disk', async () => startDisk())

async function startDisk(): Promise<BlobStoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'spool-blobs-'))
  return {
    settings: { type: 'disk', folder: join(folder, 'deep', 'blobs') },
    visible: async () => {
      const names = await readdir(join(folder, 'deep', 'blobs'), { recursive: true })
      return names.flatMap((name) => /^(..)\/(..)\/(\1\2.{60})$/.exec(name)?.[3] ?? []).sort()
    },
    debris: () => readdir(join(folder, 'deep', 'blobs', 'tmp')),
    close: () => rm(folder, { recursive: true }),
  }
}

let parent: string
beforeAll(async () => void (parent = await mkdtemp(join(tmpdir(), 'spool-blobs-'))))
afterAll(() => rm(parent, { recursive: true }))

/** A new folder for each test. */
async function freshFolder(): Promise<string> {
  return mkdtemp(join(parent, 'store-'))
}

test('processes that open a new folder at the same time agree on its identity', async () => {
  const folder = join(await freshFolder(), 'new')
  const stores = await Promise.all(Array.from({ length: 8 }, () => openBlobStore({ type: 'disk', folder })))
  const names = await Promise.all(stores.map((store) => store.identity()))
  expect(new Set(names).size).toBe(1)
  expect(await readdir(join(folder, 'tmp'))).toEqual([])
})

test('two folders have different identities', async () => {
  const one = await openBlobStore({ type: 'disk', folder: await freshFolder() })
  const two = await openBlobStore({ type: 'disk', folder: await freshFolder() })
  expect(await one.identity()).not.toBe(await two.identity())
})

test('a folder with another content in its identity file is refused', async () => {
  const folder = await freshFolder()
  await writeFile(join(folder, 'identity'), 'passport')
  await expect(openBlobStore({ type: 'disk', folder })).rejects.toThrow('is not the identity of a blob store')
  expect(await readFile(join(folder, 'identity'), 'utf8')).toBe('passport')
})

test('a folder that cannot be created is an error that names it', async () => {
  const folder = await freshFolder()
  await writeFile(join(folder, 'file'), '')
  await expect(openBlobStore({ type: 'disk', folder: join(folder, 'file', 'blobs') })).rejects.toThrow(
    'blobs',
  )
})

test('opening removes files that a crash left an hour ago, and keeps an upload in progress', async () => {
  const folder = await freshFolder()
  await mkdir(join(folder, 'tmp'))
  await writeFile(join(folder, 'tmp', 'old'), 'half a blob')
  await writeFile(join(folder, 'tmp', 'young'), 'half a blob')
  const longAgo = new Date(Date.now() - 61 * 60 * 1000)
  await utimes(join(folder, 'tmp', 'old'), longAgo, longAgo)
  await openBlobStore({ type: 'disk', folder })
  expect(await readdir(join(folder, 'tmp'))).toEqual(['young'])
})

test('something in the folder of temporary files that cannot be removed does not stop the start', async () => {
  const folder = await freshFolder()
  const left = join(folder, 'tmp', 'lost+found')
  await mkdir(left, { recursive: true })
  const longAgo = new Date(Date.now() - 61 * 60 * 1000)
  await utimes(left, longAgo, longAgo)
  const store = await openBlobStore({ type: 'disk', folder })
  expect((await store.put(Readable.from(['text']))).bytes).toBe(4)
})

test('only the owner can read blobs and folders', async () => {
  const folder = join(await freshFolder(), 'blobs')
  const store = await openBlobStore({ type: 'disk', folder })
  const { sha256 } = await store.put(Readable.from(['secret']))
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777
  const [outer, inner] = [sha256.slice(0, 2), sha256.slice(2, 4)]
  expect(await modeOf(folder)).toBe(0o700)
  expect(await modeOf(join(folder, outer))).toBe(0o700)
  expect(await modeOf(join(folder, outer, inner, sha256))).toBe(0o600)
})

test('a truncated blob is repaired when its content is stored again', async () => {
  const folder = await freshFolder()
  const store = await openBlobStore({ type: 'disk', folder })
  const content = randomBytes(1000)
  const sha256 = hashOf(content)
  await store.put(Readable.from([content]))
  await truncate(join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256), 10)
  await store.put(Readable.from([content]))
  expect(inShort(await read(store, sha256))).toBe(inShort(content))
})

test('a put into a removed folder fails and closes its source', async () => {
  const folder = await freshFolder()
  const store = await openBlobStore({ type: 'disk', folder })
  await rm(folder, { recursive: true })
  const source = Readable.from(['x'])
  await expect(store.put(source)).rejects.toThrow('ENOENT')
  expect(source.destroyed).toBe(true)
})

test('a put that would leave too little free space is refused and leaves nothing', async () => {
  const folder = await freshFolder()
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  const full = await openBlobStore({ type: 'disk', folder }, { minFreeBytes: free * 2 })
  await expect(full.put(Readable.from(['x']))).rejects.toThrow(BlobsUnavailable)
  // A put that begins with enough space and reaches the limit while it writes.
  const nearly = await openBlobStore({ type: 'disk', folder }, { minFreeBytes: free - 256 * 1024 ** 2 })
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(1024 * 1024))
    },
  })
  await expect(nearly.put(endless)).rejects.toThrow('SPOOL_MIN_FREE_DISK_MB')
  expect(await readdir(join(folder, 'tmp'))).toEqual([])
  const open = await openBlobStore({ type: 'disk', folder }, { minFreeBytes: 1 })
  expect(await open.put(Readable.from(['x']))).toMatchObject({ bytes: 1 })
})

test.each([
  ['ENOSPC', 'is full'],
  ['EDQUOT', 'is full'],
  ['EROFS', 'is read-only'],
])('the error %s of the disk differs from an error of the source: %s', async (code, words) => {
  const error = Object.assign(new Error('write'), { code })
  await expect(onDisk(Promise.reject(error))).rejects.toThrow(words)
  await expect(onDisk(Promise.reject(error))).rejects.toThrow(BlobsUnavailable)
  const store = await openBlobStore({ type: 'disk', folder: await freshFolder() })
  const source = new Readable({ read: () => source.destroy(error) })
  await expect(store.put(source)).rejects.toBe(error)
})
