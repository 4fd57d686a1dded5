/** The contents of a file as an answer: whole or a range, always as a download. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import type { Context } from '../domain/context.ts'
import { plainFileName } from '../util/file-name.ts'
import type { FileRow } from '../sql/files.ts'

interface Range {
  start: number
  end: number
}

export async function sendContent(
  context: Context,
  file: FileRow,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const range = askedRange(request, file.bytes)
  if (range === 'unsatisfiable') throw errors.rangeNotSatisfiable(file.bytes)
  void reply.headers({
    'accept-ranges': 'bytes',
    'content-disposition': disposition(file.filename),
    // Never the type that the client claimed: a page among the files would run with the server's own origin.
    'content-type': file.image_type ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
  })
  const content = await context.blobs.get(file.sha256, range)
  if (!content) throw new Error(`expected the blob store to hold file ${file.id} (${file.sha256})`)
  if (!range) return reply.header('content-length', file.bytes).send(content)
  return reply
    .code(206)
    .header('content-range', `bytes ${range.start}-${range.end}/${file.bytes}`)
    .header('content-length', range.end - range.start + 1)
    .send(content)
}

/** One range; several, other units and conditions get the whole file, as the standard allows. */
function askedRange(request: FastifyRequest, bytes: number): Range | 'unsatisfiable' | undefined {
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

/** The name for every client, and in full for those that know how to read it. */
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
