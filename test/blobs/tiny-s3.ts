/**
 * One bucket of an S3 server in memory, as strict as S3 where a client can go wrong and made to fail on demand.
 * It does not check signatures; `npm run test:s3` runs the same contract on a server that does.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface TinyS3 {
  endpoint: string
  objects: Map<string, Buffer>
  /** `PUT /bucket/key`, in the order of arrival. */
  requests: string[]
  /** Called before each request; when it returns true it has dealt with the request itself. */
  fault: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  close(): Promise<void>
}

export async function startTinyS3(bucket: string): Promise<TinyS3> {
  const tiny: Omit<TinyS3, 'endpoint' | 'close'> = { objects: new Map(), requests: [], fault: undefined }
  const server = createServer((request, response) => {
    tiny.requests.push(`${request.method} ${request.url}`)
    if (tiny.fault?.(request, response)) return
    // A client that disconnects during its request is not an error of the server: nothing was stored.
    answer(tiny.objects, bucket, { request, response }).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return Object.assign(tiny, { endpoint: `http://127.0.0.1:${port}`, close })
}

export function refuse(response: ServerResponse, status: number, code: string, message = 'no'): true {
  response.writeHead(status, { 'content-type': 'application/xml' })
  response.end(`<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`)
  return true
}

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
}

async function answer(objects: Map<string, Buffer>, bucket: string, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 '))
    return void refuse(response, 403, 'AccessDenied')
  const [, asked, key] = /^\/([^/]+)\/(.+)$/.exec(request.url ?? '') ?? []
  if (asked !== bucket || key === undefined)
    return void refuse(response, 404, 'NoSuchBucket', 'no such bucket')
  if (request.method === 'PUT') return store(objects, key, exchange)
  if (request.method === 'DELETE') {
    objects.delete(key)
    return void response.writeHead(204).end()
  }
  const object = objects.get(key)
  if (object === undefined) return void refuse(response, 404, 'NoSuchKey')
  if (request.method === 'HEAD')
    return void response.writeHead(200, { 'content-length': object.length }).end()
  send(object, exchange)
}

async function store(
  objects: Map<string, Buffer>,
  key: string,
  { request, response }: Exchange,
): Promise<void> {
  if (request.headers['content-length'] === undefined)
    return void refuse(response, 411, 'MissingContentLength')
  const body = await buffer(request)
  const sha256 = createHash('sha256').update(body).digest('hex')
  if (request.headers['x-amz-content-sha256'] !== sha256) {
    return void refuse(response, 400, 'XAmzContentSHA256Mismatch')
  }
  if (request.headers['if-none-match'] === '*' && objects.has(key)) {
    return void refuse(response, 412, 'PreconditionFailed')
  }
  objects.set(key, body)
  response.writeHead(200).end()
}

function send(object: Buffer, { request, response }: Exchange): void {
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
  if (start === undefined)
    return void response.writeHead(200, { 'content-length': object.length }).end(object)
  if (Number(start) >= object.length) return void refuse(response, 416, 'InvalidRange')
  const part = object.subarray(Number(start), Number(end) + 1)
  response.writeHead(206, { 'content-length': part.length }).end(part)
}
