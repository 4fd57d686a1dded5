/** Tracks the answers that are being sent, so that a server that stops can wait for them before it closes connections. */
import type { FastifyInstance } from 'fastify'
import { atMost } from '../util/abort.ts'

/** How long a server that closes waits for the ends of its answers. */
const lastAnswersMs = 2000

/** Follows every answer from its request to its last byte, streams included. */
export function trackAnswers(http: FastifyInstance): void {
  http.decorate('openAnswers', new Set<Promise<void>>())
  http.addHook('onRequest', async (_request, { raw }) => {
    const ended = new Promise<void>((resolve) => raw.once('close', resolve))
    http.openAnswers.add(ended)
    void ended.then(() => http.openAnswers.delete(ended))
  })
  http.addHook('preClose', () => answersEnd(http, lastAnswersMs))
}

/** Resolves when no answer is being sent, or after `ms`. */
export async function answersEnd({ openAnswers }: FastifyInstance, ms: number): Promise<void> {
  const endMs = performance.now() + ms
  for (let leftMs = ms; openAnswers.size > 0 && leftMs > 0; leftMs = endMs - performance.now()) {
    await atMost(leftMs, Promise.all(openAnswers))
  }
}
