/** Fetches the files of a local model from an address, a folder or a tar archive, and checks what came. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { messageWithCause } from '../../util/describe-error.ts'
import { modelFolder, type LocalModel, type ModelFile } from './catalog.ts'

export interface PullOptions {
  dataDir: string
  /** An address or folder that has the files below it, or an archive (.tar, .tar.gz); the model's own when absent. */
  source?: string | undefined
  /** Called with each file and how many of its bytes are here, at most once for each percent. */
  onProgress?: (file: ModelFile, bytes: number) => void
  /** A source that sends nothing for so long has failed. */
  stallMs?: number
}

const defaultStallMs = 60_000

/**
 * Puts the files into the model's folder. Files that are there are kept. A file that came in part over the network is
 * continued. A file gets its name after its hash was compared, so a stopped call leaves nothing that looks complete.
 * Throws a sentence when a file cannot be had or is another one than the model's.
 */
export async function pullModel(model: LocalModel, options: PullOptions): Promise<void> {
  const folder = modelFolder(options.dataDir, model)
  await mkdir(folder, { recursive: true })
  for (const file of model.files) {
    const target = join(folder, file.name)
    if ((await sizeOf(target)) === file.bytes) continue
    const part = `${target}.part`
    await fetchFile(file, part, { ...options, source: options.source ?? model.source })
    const found = await sha256(part)
    if (found !== file.sha256) {
      await rm(part)
      throw new Error(
        `${file.path} from ${options.source ?? model.source} is not the file of ${model.name}: its SHA-256 is ${found} and not ${file.sha256}.`,
      )
    }
    await flush(part)
    await rename(part, target)
  }
}

type Fetch = PullOptions & { source: string }

async function fetchFile(file: ModelFile, part: string, options: Fetch): Promise<void> {
  const { source } = options
  if (/^https?:\/\//.test(source)) return download(file, part, options)
  const found = await stat(source).catch(() => undefined)
  if (!found) throw new Error(`${source} is neither an address nor a folder nor a file.`)
  if (found.isFile()) return unpack(file, part, options)
  for (const name of [file.path, basename(file.path), file.name]) {
    const path = join(source, name)
    if ((await sizeOf(path)) === undefined) continue
    return pipeline(createReadStream(path), progress(file, 0, options), createWriteStream(part))
  }
  throw new Error(`${source} has no ${file.path}.`)
}

/** Continues what an earlier call left, where the server can. */
async function download(file: ModelFile, part: string, options: Fetch): Promise<void> {
  const url = new URL(file.path, options.source.endsWith('/') ? options.source : `${options.source}/`)
  const had = (await sizeOf(part)) ?? 0
  if (had === file.bytes) return
  const stop = new AbortController()
  const stallMs = options.stallMs ?? defaultStallMs
  const stalled = setTimeout(() => stop.abort(new Error(`nothing came for ${stallMs / 1000} s`)), stallMs)
  try {
    const headers: Record<string, string> = had > 0 ? { range: `bytes=${had}-` } : {}
    const response = await fetch(url, { headers, signal: stop.signal })
    if (response.status === 416 && had > 0) {
      await rm(part)
      return await download(file, part, options)
    }
    if (!response.ok || !response.body) throw new Error(`the answer is ${response.status}`)
    const start = response.status === 206 ? had : 0
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])
    body.on('data', () => stalled.refresh())
    const flags = start > 0 ? 'a' : 'w'
    await pipeline(body, progress(file, start, options), createWriteStream(part, { flags }))
  } catch (error) {
    throw new Error(`${url.href} could not be fetched: ${messageWithCause(stop.signal.reason ?? error)}.`, {
      cause: error,
    })
  } finally {
    clearTimeout(stalled)
  }
}

/** Copies the entry that has the file's name, in whatever folder of the archive it is. */
async function unpack(file: ModelFile, part: string, options: Fetch): Promise<void> {
  const { source } = options
  const names = new Set([basename(file.path), file.name])
  const archive = extract()
  const content = createReadStream(source)
  const done = /\.t?gz$/.test(source)
    ? pipeline(content, createGunzip(), archive)
    : pipeline(content, archive)
  let isFound = false
  const read = async () => {
    for await (const entry of archive) {
      if (names.has(basename(entry.header.name)) && !isFound) {
        isFound = true
        await pipeline(entry, progress(file, 0, options), createWriteStream(part))
      } else entry.resume()
    }
  }
  await Promise.all([done, read()])
  if (!isFound) throw new Error(`${source} has no ${basename(file.path)}.`)
}

/** Passes bytes on; refuses more than the file has. */
function progress(file: ModelFile, start: number, { onProgress }: PullOptions): Transform {
  let [bytes, percent] = [start, -1]
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length
      if (bytes > file.bytes) return done(new Error(`it has more than ${file.bytes} bytes`))
      const now = Math.floor((100 * bytes) / file.bytes)
      if (now !== percent) onProgress?.(file, bytes)
      percent = now
      done(null, piece)
    },
  })
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : undefined
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece)
  return hash.digest('hex')
}

/** A power cut after the rename must not leave an empty file under the final name. */
async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  await handle.sync()
  await handle.close()
}
