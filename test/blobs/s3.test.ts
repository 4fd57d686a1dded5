import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openBlobStore } from '../../src/blobs/open.ts'
import type { S3BlobSettings } from '../../src/blobs/settings.ts'
import { BlobsUnavailable } from '../../src/blobs/unavailable.ts'
import { blobStoreContract, hashOf, inShort, read, startChild } from '../contracts/blob-store.ts'
import { refuse, startTinyS3, type TinyS3 } from './tiny-s3.ts'

function settingsFor(tiny: TinyS3, more: Partial<S3BlobSettings> = {}): S3BlobSettings {
  return {
    type: 's3',
    endpoint: tiny.endpoint,
    bucket: 'spool',
    region: 'us-east-1',
    access_key_id: 'key',
    secret_access_key: 'very-secret',
    ...more,
  }
}

blobStoreContract('s3', async () => {
  const spool = await mkdtemp(join(tmpdir(), 'spool-blobs-'))
  const tiny = await startTinyS3('spool')
  return {
    settings: settingsFor(tiny, { prefix: 'team/files', spool_folder: spool }),
    visible: async () =>
      [...tiny.objects.keys()].flatMap((key) => /^team\/files\/blobs\/(.{64})$/.exec(key)?.[1] ?? []).sort(),
    debris: () => readdir(spool),
    close: async () => {
      await tiny.close()
      await rm(spool, { recursive: true })
    },
  }
})

describe('an S3 server in trouble', () => {
  let tiny: TinyS3
  beforeEach(async () => void (tiny = await startTinyS3('spool')))
  afterEach(() => tiny.close())

  const blobRequests = (method: string) =>
    tiny.requests.filter((request) => request.startsWith(`${method} /spool/blobs/`))

  /** Lets `fault` answer the first requests for which it returns true, `times` of them. */
  const failing = (times: number, method: string, fault: (response: ServerResponse) => void) => {
    let left = times
    tiny.fault = (request, response) => {
      if (request.method !== method || left === 0) return false
      left--
      fault(response)
      return true
    }
  }

  test('existing content is not sent again', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    await store.put(Readable.from(['twice']))
    await store.put(Readable.from(['twice']))
    expect(blobRequests('PUT').length).toBe(1)
    await store.close()
  })

  test('an object of the wrong length is replaced', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    const content = randomBytes(500)
    tiny.objects.set(`blobs/${hashOf(content)}`, content.subarray(0, 10))
    await store.put(Readable.from([content]))
    expect(inShort(await read(store, hashOf(content)))).toBe(inShort(content))
    await store.close()
  })

  test('a key without ListBucket gets 403 for missing objects and can still store', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    failing(1, 'HEAD', (response) => response.writeHead(403).end())
    const { sha256 } = await store.put(Readable.from(['x']))
    expect(tiny.objects.has(`blobs/${sha256}`)).toBe(true)
    await store.close()
  })

  test('a request to a busy server is retried from the first byte', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    const content = randomBytes(400_000)
    failing(2, 'PUT', (response) => refuse(response, 503, 'SlowDown'))
    const { sha256 } = await store.put(Readable.from([content]))
    expect(blobRequests('PUT').length).toBe(3)
    expect(inShort(await read(store, sha256))).toBe(inShort(content))
    await store.close()
  })

  test('an upload whose connection breaks is retried', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    const content = randomBytes(3_000_000)
    failing(1, 'PUT', (response) => response.req.once('readable', () => response.destroy()))
    const { sha256 } = await store.put(Readable.from([content]))
    expect(inShort(await read(store, sha256))).toBe(inShort(content))
    await store.close()
  })

  test('a server that stays unavailable is an error with its message and without secrets', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    failing(100, 'PUT', (response) => refuse(response, 500, 'InternalError', 'We broke.'))
    const error = await store.put(Readable.from(['x'])).catch((caught: unknown) => caught)
    expect(String(error)).toMatch(/S3 answered 500 InternalError: We broke\. to PUT http:\S+\/spool\/blobs\//)
    expect(String(error)).not.toContain('very-secret')
    expect(blobRequests('PUT').length).toBe(4)
    await store.close()
  })

  test.each([429, 500, 503])('after four answers with status %i the store is unavailable', async (status) => {
    const store = await openBlobStore(settingsFor(tiny))
    const calls = {
      PUT: () => store.put(Readable.from(['x'])),
      GET: () => store.get(hashOf(Buffer.from('x'))),
      DELETE: () => store.remove(hashOf(Buffer.from('x'))),
    }
    for (const [method, call] of Object.entries(calls)) {
      failing(4, method, (response) => refuse(response, status, 'SlowDown'))
      await expect(call()).rejects.toThrow(BlobsUnavailable)
    }
    await store.close()
  })

  test('a refused request is not retried', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    failing(1, 'PUT', (response) => refuse(response, 403, 'AccessDenied', 'Not you.'))
    await expect(store.put(Readable.from(['x']))).rejects.toThrow('403 AccessDenied: Not you.')
    failing(1, 'GET', (response) => refuse(response, 403, 'AccessDenied'))
    await expect(store.get(hashOf(Buffer.from('x')))).rejects.toThrow('403 AccessDenied')
    failing(1, 'DELETE', (response) => refuse(response, 403, 'AccessDenied'))
    await expect(store.remove(hashOf(Buffer.from('x')))).rejects.toThrow('403 AccessDenied')
    await store.close()
  })

  test('a wrong bucket, a wrong address and a server that is not S3 are errors when the blob store is opened', async () => {
    await expect(openBlobStore(settingsFor(tiny, { bucket: 'other' }))).rejects.toThrow('404 NoSuchBucket')
    tiny.objects.set('identity', Buffer.from('<html>hello</html>'))
    await expect(openBlobStore(settingsFor(tiny))).rejects.toThrow('is not the identity of a blob store')
    const { endpoint } = tiny
    await tiny.close()
    await expect(openBlobStore(settingsFor(tiny))).rejects.toThrow(`${endpoint} could not be reached`)
    tiny = await startTinyS3('spool')
  })

  test('a download that breaks is an error, never a shorter blob', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    const content = randomBytes(500_000)
    const { sha256 } = await store.put(Readable.from([content]))
    failing(1, 'GET', (response) => {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, 100_000), () => response.destroy())
    })
    const stream = await store.get(sha256)
    expect(stream).toBeDefined()
    await expect(buffer(stream ?? Readable.from([]))).rejects.toThrow('aborted')
    await store.close()
  })

  test('an answer that ignores the range is an error', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    const { sha256 } = await store.put(Readable.from(['whole']))
    failing(1, 'GET', (response) => response.end('whole'))
    await expect(store.get(sha256, { start: 1, end: 2 })).rejects.toThrow('ignores ranges')
    await store.close()
  })

  test('an abort during the upload to the server ends the upload', async () => {
    const store = await openBlobStore(settingsFor(tiny))
    const abort = new AbortController()
    const reason = new Error('the client went away')
    let upload: IncomingMessage | undefined
    const broken = new Promise<string>((resolve) => {
      failing(1, 'PUT', (response) => {
        upload = response.req
        upload.once('readable', () => abort.abort(reason))
        upload.once('error', (error) => resolve(error.message))
      })
    })
    // More than the sockets between hold, so that it cannot be under way as a whole.
    const stored = store.put(Readable.from([Buffer.alloc(32_000_000)]), abort.signal)
    await expect(stored).rejects.toBe(reason)
    // The server sees the end of the connection only after the bytes that it has not read yet.
    upload?.resume()
    expect(await broken).toBe('aborted')
    expect(upload?.complete).toBe(false)
    expect(blobRequests('PUT').length).toBe(1)
    await store.close()
  })

  test('a process that is killed during the upload to the server leaves no blob', async () => {
    const settings = settingsFor(tiny)
    await (await openBlobStore(settings)).close()
    const arrived = new Promise<void>((resolve) => {
      tiny.fault = (request) => {
        // One chunk is read and then none, so that the upload is certainly incomplete when the process is killed.
        if (request.method === 'PUT') request.once('data', () => resolve(void request.pause()))
        return request.method === 'PUT'
      }
    })
    const child = startChild(settings, 'put')
    await arrived
    child.kill()
    await child.ended
    expect([...tiny.objects.keys()]).toEqual(['identity'])
  })

  test('when two processes open a new bucket at once, the second takes the identity of the first', async () => {
    const taken = `s3-${crypto.randomUUID()}`
    tiny.fault = (request) => {
      if (request.method === 'PUT') tiny.objects.set('identity', Buffer.from(`${taken}\n`))
      return false
    }
    const store = await openBlobStore(settingsFor(tiny))
    expect(await store.identity()).toBe(taken)
    await store.close()
  })

  test('a server without conditional writes can be used', async () => {
    tiny.fault = (request, response) =>
      request.headers['if-none-match'] !== undefined && refuse(response, 501, 'NotImplemented')
    const store = await openBlobStore(settingsFor(tiny))
    expect(await store.identity()).toMatch(/^s3-/)
    await store.close()
  })
})
