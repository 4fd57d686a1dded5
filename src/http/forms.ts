/** Multipart forms: text fields in any order around one file, which is stored while it arrives. */
import multipart, { type Multipart } from '@fastify/multipart'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { ApiError, errors } from '../api/errors.ts'
import { messageOf } from '../util/describe-error.ts'

const limits = { fields: 20, fieldSize: 16 * 1024, parts: 30, headerPairs: 50, headerSize: 16 * 1024 }

/** The most bytes of a form besides its file. */
const formOverhead = 1024 * 1024

export type FormFields = Record<string, string>

export interface FormFile {
  bytes: Readable
  /** As it was sent, directories included; undefined when none was sent. */
  filename: string | undefined
}

interface FormOptions<Stored> {
  /** The field that holds the file. */
  field: 'file' | 'data'
  maxBytes: number
  tooLarge: ApiError
  /** Stores the file; `fields` are those that precede it. */
  store: (file: FormFile, fields: FormFields) => Promise<Stored>
}

/** Whether the body is a form of several parts: an upload. */
export function isForm({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.startsWith('multipart/') === true
}

/** For routes that take forms and nothing else. */
export async function acceptForms(http: FastifyInstance): Promise<void> {
  http.removeAllContentTypeParsers()
  await http.register(multipart, {
    limits: { ...limits, fileSize: Infinity },
    throwFileSizeLimit: false,
    preservePath: true,
    // Some clients send a file without a name, some without a type.
    isPartAFile: (name, _type, filename) => name === 'file' || name === 'data' || filename !== undefined,
  })
  http.addContentTypeParser('*', (request, _body, done) => {
    done(errors.unsupportedContentType(request.headers['content-type'] ?? '', 'multipart/form-data'))
  })
}

/** Reads the whole form. Throws an `ApiError` for an invalid form, and what `store` throws. */
export async function readForm<Stored>(
  { request, raw: response }: FastifyReply,
  options: FormOptions<Stored>,
): Promise<{ fields: FormFields; stored: Stored }> {
  try {
    return await readParts(request, options)
  } catch (error) {
    const discarded = discardRest(request.raw, options.maxBytes)
    // Otherwise the answer would close the connection while the client still writes.
    if (!response.shouldKeepAlive) await discarded
    throw error
  }
}

async function readParts<Stored>(
  request: FastifyRequest,
  options: FormOptions<Stored>,
): Promise<{ fields: FormFields; stored: Stored }> {
  if (!request.isMultipart()) throw errors.requiredProperty(options.field)
  const length = Number(request.headers['content-length'] ?? 0)
  if (length > options.maxBytes + formOverhead) throw options.tooLarge
  const fields: FormFields = Object.create(null)
  let found: { stored: Stored } | undefined
  for await (const part of partsOf(request)) {
    if (part.type === 'field') {
      addField(fields, part)
      continue
    }
    if (part.fieldname !== options.field) throw errors.unknownParameter(part.fieldname)
    if (found) throw errors.invalidForm(`'${options.field}' is given more than once`)
    // The type of the library is `string`, but the name may be absent.
    const file: FormFile = { bytes: part.file, filename: part.filename as string | undefined }
    found = { stored: await storing(file, () => options.store(file, fields)) }
  }
  if (!found) throw errors.requiredProperty(options.field)
  return { fields, stored: found.stored }
}

async function* partsOf(request: FastifyRequest): AsyncGenerator<Multipart> {
  try {
    yield* request.parts()
  } catch (error) {
    throw formError(error)
  }
}

/** An incomplete file is the client's error; any other failure is an error of `store`. */
async function storing<Stored>(file: FormFile, store: () => Promise<Stored>): Promise<Stored> {
  let fault: unknown
  file.bytes.once('error', (error) => {
    fault = error
  })
  try {
    return await store()
  } catch (error) {
    throw error === fault ? formError(error) : error
  }
}

function formError(error: unknown): unknown {
  if (error instanceof ApiError) return error
  return errors.invalidForm(messageOf(error))
}

function addField(fields: FormFields, part: Multipart & { type: 'field' }): void {
  const { fieldname: name, value } = part
  if (part.valueTruncated) throw errors.invalidForm(`'${name}' is longer than ${limits.fieldSize} bytes`)
  if (name in fields) throw errors.invalidForm(`'${name}' is given more than once`)
  // A part of type application/json has been parsed already: numbers and booleans become text again.
  if (typeof value === 'object') throw errors.invalidType(name, 'a string', 'an object')
  fields[name] = typeof value === 'string' ? value : JSON.stringify(value)
}

/** A refused body that is longer than this many times its limit is cut off. */
const discardedLimits = 4

/** Reads and discards the rest: a client that writes everything before it reads would otherwise get a reset. */
async function discardRest(body: IncomingMessage, maxBytes: number): Promise<void> {
  if (body.readableEnded || body.destroyed) return
  let bytes = 0
  body.unpipe()
  body.on('error', () => undefined)
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > discardedLimits * (maxBytes + formOverhead)) body.destroy()
  })
  await new Promise((resolve) => {
    body.once('close', resolve)
    body.once('end', resolve)
    body.resume()
  })
}
