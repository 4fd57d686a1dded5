/** The files of a folder, a zip or a single file. */
import { createWriteStream, type Stats } from 'node:fs'
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { open as openZip, type Entry, type ZipFile } from 'yauzl'
import type { Order } from './records.ts'
import { messageOf } from '../util/describe-error.ts'
import { makeTemporaryFolder } from '../util/folder.ts'

export interface SourceFile {
  path: string
  /** The path below the imported folder, with slashes. */
  name: string
  bytes: number
  /** Unix seconds. */
  modified_at: number
  /** Known for files of an export of this server. */
  order?: Order
}

export interface Sources {
  /** In the order of their names; numbers in names are compared by value. */
  files: SourceFile[]
  /** Files that are contents only, and are not searched for objects. */
  contents: SourceFile[]
  close(): Promise<void>
}

/** The source cannot be read. The message is for the user. */
export class SourceRefused extends Error {
  override readonly name = 'SourceRefused'
}

/** Unpacks a zip of at most `maxBytes` bytes into a temporary folder. Throws `SourceRefused`. */
export async function openSources(path: string, { maxBytes }: { maxBytes: number }): Promise<Sources> {
  const found = await statSource(path)
  if (found.isDirectory()) return { ...split(await listFiles(path)), close: async () => undefined }
  if (await isZip(path)) return unpack(path, maxBytes)
  const file = { path, name: basename(path), ...sizeOf(found) }
  return { files: [file], contents: [], close: async () => undefined }
}

/** Throws `SourceRefused` when the path does not exist. */
export async function statSource(path: string): Promise<Stats> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new SourceRefused(`There is no file or folder ${path}.`)
  return found
}

/** All files below a folder, except hidden ones and those in hidden folders. */
export async function listFiles(root: string): Promise<SourceFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files: SourceFile[] = []
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(root, path).split(sep).join('/')
    if (!entry.isFile() || name.split('/').some((part) => part.startsWith('.'))) continue
    files.push({ path, name, ...sizeOf(await stat(path)) })
  }
  const collator = new Intl.Collator('en', { numeric: true })
  return files.toSorted((a, b) => collator.compare(a.name, b.name))
}

function sizeOf({ size, mtimeMs }: { size: number; mtimeMs: number }) {
  return { bytes: size, modified_at: Math.floor(mtimeMs / 1000) }
}

/**
 * An export of this server has `files.json`. Beside it are the folders `files` with contents and `texts` with texts, and
 * lists that are newest first.
 */
function split(all: SourceFile[]): Pick<Sources, 'files' | 'contents'> {
  const roots = all
    .filter(({ name }) => basename(name) === 'files.json')
    .map(({ name }) => name.slice(0, -'files.json'.length))
  const isContent = ({ name }: SourceFile) =>
    roots.some((root) => name.startsWith(`${root}files/`) || name.startsWith(`${root}texts/`))
  const lists = new Set(
    roots.flatMap((root) => ['assistants', 'vector_stores', 'files'].map((list) => `${root}${list}.json`)),
  )
  const files = all.filter((file) => !isContent(file))
  return {
    files: files.map((file) => (lists.has(file.name) ? { ...file, order: 'desc' } : file)),
    contents: all.filter(isContent),
  }
}

/** Whether a file begins like a zip. Office documents do as well. */
export async function isZip(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.toString('latin1') === 'PK\x03\x04' || buffer.toString('latin1') === 'PK\x05\x06'
  } finally {
    await file.close()
  }
}

async function unpack(path: string, maxBytes: number): Promise<Sources> {
  const folder = await makeTemporaryFolder('spool-import-')
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    await unpackInto(folder, path, maxBytes)
    return { ...split(await listFiles(folder)), close }
  } catch (error) {
    await close()
    if (error instanceof SourceRefused) throw error
    throw new SourceRefused(`The zip cannot be read: ${messageOf(error)}.`)
  }
}

/** The library refuses names that lead out of the folder. */
async function unpackInto(folder: string, path: string, maxBytes: number): Promise<void> {
  const zip = await promisify<string, object, ZipFile>(openZip)(path, { lazyEntries: true, autoClose: false })
  try {
    const read = promisify<Entry, NodeJS.ReadableStream>(zip.openReadStream.bind(zip))
    let left = maxBytes
    for await (const entry of entriesOf(zip)) {
      if (entry.fileName.endsWith('/')) continue
      const target = join(folder, entry.fileName)
      await mkdir(dirname(target), { recursive: true })
      const gauge = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          left -= chunk.length
          done(left < 0 ? new SourceRefused(`The zip holds more than ${maxBytes} bytes.`) : null, chunk)
        },
      })
      await pipeline(await read(entry), gauge, createWriteStream(target, { mode: 0o600 }))
    }
  } finally {
    zip.close()
  }
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  const next = () =>
    new Promise<Entry | undefined>((resolve, reject) => {
      const settle = (entry?: Entry) => {
        zip.removeAllListeners()
        resolve(entry)
      }
      zip.once('entry', settle)
      zip.once('end', () => settle())
      zip.once('error', (error) => {
        zip.removeAllListeners()
        reject(error)
      })
      zip.readEntry()
    })
  for (let entry = await next(); entry; entry = await next()) yield entry
}
