/** Answers that were made and could not be handed over, kept for the retry that is bound to come. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHash } from 'node:crypto'
import { sleep } from '../util/abort.ts'

type Answer = NonNullable<FastifyRequest['answered']>

interface Watched {
  request: FastifyRequest
  /** Resolves when the connection is over: whether it closed before the last byte was handed over. */
  isLost: Promise<boolean>
  /** Resolves with the answer once it is made, or with undefined when it failed. */
  answer: Promise<Answer | undefined>
  fingerprint?: string
}

/** A retry may be here before the end of the connection that it is for. */
const noticeMs = 1000

/** A retry comes within seconds: the SDKs wait at most eight between two tries. */
const windowMs = 30_000

/** Lives as long as the server. When in doubt it finds nothing: a double is better than another user's answer. */
export class LostAnswers {
  readonly #watched = new Map<string, Set<Watched>>()

  /** Keeps an eye on a request until its answer has been handed over, or for a while after it was lost. */
  watch(request: FastifyRequest, reply: FastifyReply): void {
    const place = placeOf(request)
    const all = this.#watched.get(place) ?? new Set()
    this.#watched.set(place, all)
    let settle: (answer: Answer | undefined) => void = () => {}
    const answer = new Promise<Answer | undefined>((resolve) => {
      settle = resolve
    })
    const isLost = new Promise<boolean>((resolve) => {
      reply.raw.once('close', () => {
        const wasWhole = reply.raw.writableFinished
        resolve(!wasWhole)
        if (wasWhole) forget()
        else setTimeout(forget, windowMs).unref()
      })
    })
    const watched: Watched = { request, isLost, answer }
    all.add(watched)
    const forget = () => {
      all.delete(watched)
      if (all.size === 0) this.#watched.delete(place)
    }
    request.onAnswered = () => settle(reply.statusCode < 300 ? request.answered : undefined)
  }

  /** The lost answer to the same request, which is handed out once. */
  async take(request: FastifyRequest): Promise<Answer | undefined> {
    const all = this.#watched.get(placeOf(request))
    if (!all) return undefined
    const wanted = fingerprintOf(request)
    for (const watched of all) {
      watched.fingerprint ??= fingerprintOf(watched.request)
      if (watched.fingerprint !== wanted || !(await isSoonLost(watched)) || !all.delete(watched)) continue
      return watched.answer
    }
    return undefined
  }
}

async function isSoonLost({ isLost }: Watched): Promise<boolean> {
  const timer = new AbortController()
  const found = await Promise.race([isLost, sleep(noticeMs, timer.signal).then(() => false)])
  timer.abort()
  return found
}

function placeOf(request: FastifyRequest): string {
  const { authorization = '', 'api-key': azure = '' } = request.headers
  return [request.project, request.url, authorization, azure].join('\n')
}

function fingerprintOf(request: FastifyRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(request.body ?? null))
    .digest('hex')
}
