/** Reads request bodies: JSON, also without a content type, or no body at all with any content type. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isUtf8 } from 'node:buffer'
import { errors } from '../api/errors.ts'
import { defaultMaxValues, maxDepth } from '../api/inspect.ts'
import { hashBody } from './idempotency.ts'

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

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c

/**
 * Checks the bytes before they are parsed, because parsing millions of values would block the server. Throws an `ApiError`
 * when they are nested too deep or have more than `maxValues` values. Linear in their length.
 */
export function scanJson(bytes: Buffer, maxValues: number): void {
  let depth = 0
  let containers = 0
  let commas = 0
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index]
    if (byte === quote) index = endOfString(bytes, index)
    else if (byte === comma) commas += 1
    else if (byte === 0x5b || byte === 0x7b) {
      containers += 1
      depth += 1
      if (depth > maxDepth) throw errors.nestedTooDeep(maxDepth)
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1
    // Each container is a value, and so is what follows each comma.
    if (commas > maxValues || containers > maxValues) throw errors.tooManyValues(maxValues)
  }
}

/** The index of the quote that ends the string, or the length where none does. */
function endOfString(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf(quote, start + 1); end !== -1; end = bytes.indexOf(quote, end + 1)) {
    let backslashes = 0
    while (bytes[end - 1 - backslashes] === backslash) backslashes += 1
    if (backslashes % 2 === 0) return end
  }
  return bytes.length
}
