/** Blobs in a bucket of any S3-compatible server: `prefix/blobs/abcd…`, each written by one PUT of known length. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { IncomingMessage } from 'node:http'
import { requireBlobName, requireRange, type BlobStore, type StoredBlob } from './port.ts'
import {
  createS3Client,
  parseRefusal,
  readText,
  refusalError,
  type S3Client,
  type S3Request,
} from './s3-client.ts'
import type { S3BlobSettings } from './settings.ts'
import { onDisk } from './unavailable.ts'
import { withSource, writeHashed } from './write-hashed.ts'

/** The size limit of one PUT on S3. It is checked here, because the server would close the connection. */
const limit = {
  bytes: 5 * 1024 ** 3,
  error: () => new Error('the blob is larger than 5 GiB, the limit of one PUT'),
}

interface Bucket {
  settings: S3BlobSettings
  client: S3Client
}

/**
 * Reads the identity of the bucket, so that a wrong address, bucket or key fails here and not at the first upload. The key
 * needs GetObject, PutObject, DeleteObject and ListBucket. Without ListBucket, S3 answers 403 for missing objects.
 */
export async function openS3BlobStore(settings: S3BlobSettings): Promise<BlobStore> {
  const client = createS3Client(settings)
  const bucket: Bucket = { settings, client }
  try {
    const identity = (await readIdentity(bucket)) ?? (await makeIdentity(bucket))
    return {
      identity: () => Promise.resolve(identity),
      put: (source, signal) => withSource(source, () => put(bucket, source, signal)),
      get: (sha256, range) => get(bucket, sha256, range),
      remove: (sha256) => remove(bucket, sha256),
      close: async () => client.close(),
    }
  } catch (error) {
    client.close()
    throw error
  }
}

async function put(bucket: Bucket, source: Readable, signal?: AbortSignal): Promise<StoredBlob> {
  const file = await onDisk(openSpool(bucket.settings.spool_folder ?? tmpdir()))
  try {
    const blob = await writeHashed(source, file, { signal, limit })
    signal?.throwIfAborted()
    if (!(await isThere(bucket, blob, signal))) await upload(bucket, file, { blob, signal })
    return blob
  } finally {
    await file.close()
  }
}

/**
 * Opens a temporary file and removes its name, so that a crash leaves nothing behind. The blob is written to it first,
 * because its hash and its length must be sent before its bytes.
 */
async function openSpool(folder: string): Promise<FileHandle> {
  const path = join(folder, `spool-${randomBytes(16).toString('hex')}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}

async function isThere(bucket: Bucket, blob: StoredBlob, signal: AbortSignal | undefined): Promise<boolean> {
  const answer = await bucket.client.send({ method: 'HEAD', key: blobKey(bucket, blob.sha256), signal })
  answer.resume()
  // After any other answer, also 403 without ListBucket, the PUT reports the reason.
  return answer.statusCode === 200 && answer.headers['content-length'] === String(blob.bytes)
}

async function upload(
  bucket: Bucket,
  file: FileHandle,
  { blob, signal }: { blob: StoredBlob; signal: AbortSignal | undefined },
): Promise<void> {
  const request: S3Request = {
    method: 'PUT',
    key: blobKey(bucket, blob.sha256),
    headers: { 'content-type': 'application/octet-stream' },
    body: {
      open: () => Readable.from(readSpool(file, blob.bytes), { objectMode: false }),
      bytes: blob.bytes,
      sha256: blob.sha256,
    },
    signal,
  }
  const answer = await bucket.client.send(request)
  if (answer.statusCode !== 200) throw await refusalError(bucket.settings, request, answer)
  answer.resume()
}

/** Reads by position, so that a retry starts at the first byte of the same open file. */
async function* readSpool(file: FileHandle, bytes: number): AsyncGenerator<Buffer> {
  let position = 0
  while (position < bytes) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(65_536), 0, 65_536, position)
    if (bytesRead === 0) throw new Error(`the spooled upload ended at ${position} of ${bytes} bytes`)
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

async function get(
  bucket: Bucket,
  sha256: string,
  range: { start: number; end: number } | undefined,
): Promise<Readable | undefined> {
  const request: S3Request = { method: 'GET', key: blobKey(bucket, requireBlobName(sha256)) }
  if (range !== undefined) {
    requireRange(range)
    request.headers = { range: `bytes=${range.start}-${range.end}` }
  }
  const answer = await bucket.client.send(request)
  if (answer.statusCode === (range === undefined ? 200 : 206)) return answer
  if (answer.statusCode === 416) {
    answer.resume()
    return Readable.from([])
  }
  if (answer.statusCode === 200) {
    answer.destroy()
    throw new Error('The S3 server ignores ranges and sent the whole blob')
  }
  return missing(bucket, request, answer)
}

async function remove(bucket: Bucket, sha256: string): Promise<void> {
  const request: S3Request = { method: 'DELETE', key: blobKey(bucket, requireBlobName(sha256)) }
  const answer = await bucket.client.send(request)
  if (answer.statusCode !== 204 && answer.statusCode !== 200) return missing(bucket, request, answer)
  answer.resume()
}

/** Undefined for a missing object. Throws for a missing bucket, which is a 404 too. */
async function missing(bucket: Bucket, request: S3Request, answer: IncomingMessage): Promise<undefined> {
  if (answer.statusCode !== 404) throw await refusalError(bucket.settings, request, answer)
  const { code, message } = parseRefusal(await readText(answer))
  if (code !== '' && code !== 'NoSuchKey') throw new Error(`S3 answered 404 ${code}: ${message}`)
}

async function readIdentity(bucket: Bucket): Promise<string | undefined> {
  const request: S3Request = { method: 'GET', key: identityKey(bucket) }
  const answer = await bucket.client.send(request)
  if (answer.statusCode !== 200) return missing(bucket, request, answer)
  const text = await readText(answer)
  if (!/^s3-[0-9a-f-]{36}\n$/.test(text)) {
    throw new Error(
      `The object ${request.key} in bucket ${bucket.settings.bucket} is not the identity of a blob store`,
    )
  }
  return text.trim()
}

async function makeIdentity(bucket: Bucket): Promise<string> {
  // When two processes open a new bucket, the second must not replace the identity of the first. Some servers do not
  // support a conditional PUT: most ignore the condition, some answer 501. There the last write wins, and the read below
  // usually sees it.
  const request = identityRequest(bucket)
  let answer = await bucket.client.send({ ...request, headers: { 'if-none-match': '*' } })
  if (answer.statusCode === 501) {
    answer.destroy()
    answer = await bucket.client.send(request)
  }
  const written = [200, 409, 412].includes(answer.statusCode ?? 0)
  if (!written) throw await refusalError(bucket.settings, request, answer)
  answer.resume()
  const identity = await readIdentity(bucket)
  if (identity === undefined) throw new Error(`The object ${request.key} disappeared while it was created`)
  return identity
}

function identityRequest(bucket: Bucket): S3Request {
  const text = Buffer.from(`s3-${randomUUID()}\n`)
  const sha256 = createHash('sha256').update(text).digest('hex')
  const body = { open: () => Readable.from([text]), bytes: text.length, sha256 }
  return { method: 'PUT', key: identityKey(bucket), body }
}

function blobKey(bucket: Bucket, sha256: string): string {
  return `${keyFolder(bucket)}blobs/${sha256}`
}

function identityKey(bucket: Bucket): string {
  return `${keyFolder(bucket)}identity`
}

function keyFolder(bucket: Bucket): string {
  const prefix = (bucket.settings.prefix ?? '').replace(/\/+$/, '')
  return prefix === '' ? '' : `${prefix}/`
}
