/** `Idempotency-Key`: a POST with the key of an earlier one gets the same answer and creates no second object. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createHash } from 'node:crypto'
import { errors } from '../api/errors.ts'
import {
  answerKey,
  claimAnswer,
  forgetAnswer,
  keepAnswer,
  type AnswerKey,
  type KeptAnswer,
} from '../domain/idempotency.ts'
import { isForm } from './forms.ts'
import type { Server } from './server.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set while this request must keep or forget the answer to its key. */
    answerKey?: AnswerKey
    /** SHA-256 of the body as it was sent; set where the request has a key. */
    bodyHash?: string
  }
}

const maxKeyLength = 255

export type ReplayStream = (
  reply: FastifyReply,
  stream: { run_id: string; after: number },
) => Promise<FastifyReply>

export function addIdempotency(http: FastifyInstance, server: Server, replayStream: ReplayStream): void {
  http.addHook('preHandler', async (request, reply) => {
    const key = keyOf(request)
    // Uploads are streamed to the blob store, so their bodies cannot be compared before they are stored.
    if (key === undefined || isForm(request)) return undefined
    if (key.length > maxKeyLength) throw errors.stringTooLong('Idempotency-Key', maxKeyLength, key.length)
    const { project, url: path, bodyHash: body_hash = hashOf('') } = request
    const claimed = answerKey({ project, key, path })
    const found = await claimAnswer(server.context, { ...claimed, body_hash })
    if (found === 'busy') throw errors.idempotencyInProgress()
    if (found === 'reused') throw errors.idempotencyKeyReused()
    if (found !== 'claimed') return replay(reply, found, replayStream)
    request.answerKey = claimed
    return undefined
  })

  http.addHook('onSend', async (_request, reply, payload) => {
    // An answer that is passed on from a provider as it arrives cannot be kept.
    await settleAnswer(server, reply, typeof payload === 'string' ? { body: payload } : undefined)
  })
}

/** Keeps a successful answer before its first byte is sent. After an error the key can be used again. */
export async function settleAnswer(
  { context }: Server,
  { request, statusCode }: FastifyReply,
  answer: KeptAnswer | undefined,
): Promise<void> {
  const key = request.answerKey
  if (key === undefined) return
  if (answer && statusCode < 300) await keepAnswer(context, key, answer)
  else await forgetAnswer(context, key)
}

/** The bytes are hashed and not the parsed value, which may be nested too deep to be serialized. */
export function hashBody(request: FastifyRequest, body: Buffer): void {
  if (keyOf(request) !== undefined) request.bodyHash = hashOf(body)
}

function hashOf(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function keyOf({ method, headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key']
  return method === 'POST' && typeof key === 'string' && key !== '' ? key : undefined
}

async function replay(
  reply: FastifyReply,
  { stream, body = '' }: KeptAnswer,
  replayStream: ReplayStream,
): Promise<FastifyReply> {
  if (stream) return replayStream(reply, stream)
  return reply.code(200).type('application/json').send(body)
}
