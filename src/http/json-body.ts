/** Reads request bodies: JSON, also without a content type, or no body at all with any content type. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isUtf8 } from 'node:buffer'
import { errors } from '../api/errors.ts'
import { defaultMaxValues } from '../api/inspect.ts'
import { hashBody } from './idempotency.ts'
import { scanJson } from './scan-json.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The most values that a body may have, where it is not the usual limit. */
    maxValues?: number | undefined
  }
}

export function acceptJson(http: FastifyInstance): void {
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    hashBody(request, body)
    if (body.length === 0) return undefined
    const type = request.headers['content-type']
    if (type !== undefined && !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
      throw errors.unsupportedContentType(type)
    }
    // Decoding would replace invalid bytes and so change the client's text.
    if (!isUtf8(body)) throw errors.invalidJson()
    scanJson(body, request.routeOptions.config.maxValues ?? defaultMaxValues)
    try {
      return JSON.parse(body.toString('utf8')) as unknown
    } catch {
      throw errors.invalidJson()
    }
  })
}
