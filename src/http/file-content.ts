/** The content of a file as an answer: whole or a range, always as a download. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import { plainFileName } from '../util/file-name.ts'
import type { OpenedFile } from '../domain/files.ts'

interface Range {
  start: number
  end: number
}

export async function sendContent(
  { file, image_type, read }: OpenedFile,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const range = requestedRange(request, file.bytes)
  if (range === 'unsatisfiable') throw errors.rangeNotSatisfiable(file.bytes)
  void reply.headers({
    'accept-ranges': 'bytes',
    'content-disposition': disposition(file.filename),
    // Never the type that the client sent: an HTML page among the files would run with the server's own origin.
    'content-type': image_type ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
  })
  const content = await read(range)
  if (!range) return reply.header('content-length', file.bytes).send(content)
  return reply
    .code(206)
    .header('content-range', `bytes ${range.start}-${range.end}/${file.bytes}`)
    .header('content-length', range.end - range.start + 1)
    .send(content)
}

/** One range; for several ranges, other units and conditions the whole file is sent, as the standard allows. */
function requestedRange(request: FastifyRequest, bytes: number): Range | 'unsatisfiable' | undefined {
  const { range, 'if-range': condition } = request.headers
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? []
  if (first === undefined || last === undefined || condition !== undefined) return undefined
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Math.min(Number(last), bytes)
    return count === 0 ? 'unsatisfiable' : { start: bytes - count, end: bytes - 1 }
  }
  const start = Number(first)
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1)
  if (last !== '' && Number(last) < start) return undefined
  return start >= bytes ? 'unsatisfiable' : { start, end }
}

/** The file name in ASCII for every client, and in full for clients that read `filename*`. */
function disposition(filename: string): string {
  const name = plainFileName(filename) ?? 'file'
  const plain = name.replaceAll(/[^ -~]/gu, '_').replaceAll(/["\\]/g, String.raw`\$&`)
  const quoted = `attachment; filename="${plain}"`
  if (/^[ -~]*$/.test(name)) return quoted
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${quoted}; filename*=UTF-8''${encoded}`
}
