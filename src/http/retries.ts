/**
 * Retries do no harm: an answer that was lost on its way is given again, in place of making a second object.
 * A retry is recognised by `Idempotency-Key`, or by the SDKs' retry count where the first answer is known to be lost.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHash } from 'node:crypto'
import { errors } from '../api/errors.ts'
import { claimAnswer, forgetAnswer, keepAnswer, type KeptAnswer } from '../sql/answers.ts'
import { nowSeconds } from '../util/clock.ts'
import { LostAnswers } from './lost-answers.ts'
import type { Server } from './server.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What was answered: for a stream, the place in the run's log where it began. */
    answered?: { body?: string; stream?: { run_id: string; after: number } }
    /** Called when `answered` is there. */
    onAnswered?: () => void
    /** Set while this request holds an idempotency key. */
    idempotencyKey?: string
  }
}

const longestKey = 255

export function safeRetries(server: Server, replayStream: ReplayStream): void {
  const { http } = server
  const lost = new LostAnswers()

  http.addHook('preHandler', async (request, reply) => {
    if (request.method !== 'POST' || isMultipart(request)) return undefined
    const key = request.headers['idempotency-key']
    if (typeof key === 'string' && key !== '') return withKey(server, { request, reply, key }, replayStream)
    if (retryCount(request) === 0) {
      lost.watch(request, reply)
      return undefined
    }
    const answer = await lost.take(request)
    if (!answer) {
      lost.watch(request, reply)
      return undefined
    }
    return replay(reply, answer, replayStream)
  })

  http.addHook('onSend', async (request, reply, payload) => {
    if (request.method !== 'POST') return
    if (typeof payload === 'string') await answerMade(server, reply, { body: payload })
    else await answerPassedOn(server, request)
  })
}

export type ReplayStream = (
  reply: FastifyReply,
  stream: { run_id: string; after: number },
) => Promise<FastifyReply>

/** To be called when an answer is made, before its first byte leaves. After an error the key is free again. */
export async function answerMade(
  { context }: Server,
  reply: FastifyReply,
  answered: NonNullable<FastifyRequest['answered']>,
): Promise<void> {
  const { request } = reply
  request.answered = answered
  request.onAnswered?.()
  const { idempotencyKey: key, project } = request
  if (key === undefined) return
  const asked = { project, key, path: request.url }
  if (reply.statusCode < 300) await keepAnswer(context.db, asked, answered)
  else await forgetAnswer(context.db, asked)
}

/** What is passed on as it comes cannot be given again: nobody must wait for it, and its key is free. */
async function answerPassedOn({ context }: Server, request: FastifyRequest): Promise<void> {
  request.onAnswered?.()
  const { idempotencyKey: key, project } = request
  if (key !== undefined) await forgetAnswer(context.db, { project, key, path: request.url })
}

/** Uploads are read as they come, so they cannot be compared. */
function isMultipart(request: FastifyRequest): boolean {
  return request.headers['content-type']?.startsWith('multipart/') === true
}

function retryCount(request: FastifyRequest): number {
  const count = Number(request.headers['x-stainless-retry-count'] ?? 0)
  return Number.isInteger(count) ? count : 0
}

async function replay(
  reply: FastifyReply,
  answer: NonNullable<FastifyRequest['answered']>,
  replayStream: ReplayStream,
): Promise<FastifyReply> {
  if (answer.stream) return replayStream(reply, answer.stream)
  return reply
    .code(200)
    .type('application/json')
    .send(answer.body ?? '')
}

async function withKey(
  { context }: Server,
  { request, reply, key }: { request: FastifyRequest; reply: FastifyReply; key: string },
  replayStream: ReplayStream,
): Promise<FastifyReply | undefined> {
  if (key.length > longestKey) throw errors.stringTooLong('Idempotency-Key', longestKey, key.length)
  const asked = {
    project: request.project,
    key,
    path: request.url,
    body_hash: createHash('sha256')
      .update(JSON.stringify(request.body ?? null))
      .digest('hex'),
  }
  const found = await claimAnswer(context.db, asked, nowSeconds(context.clock))
  if (found === 'claimed') {
    request.idempotencyKey = key
    return undefined
  }
  if (found === 'busy') throw errors.idempotencyInProgress()
  if (found.body_hash !== asked.body_hash) throw errors.idempotencyKeyReused()
  return replay(reply, fromKept(found), replayStream)
}

function fromKept({ body, run_id, after }: KeptAnswer): NonNullable<FastifyRequest['answered']> {
  if (run_id !== null) return { stream: { run_id, after: after ?? 0 } }
  return { body: body ?? '' }
}
