/** Hands a request on to a provider and its answer back, byte for byte. */
import type { FastifyReply } from 'fastify'
import { errors } from '../api/errors.ts'
import type { Models, PassThrough } from '../models/open.ts'
import type { UpstreamAnswer } from '../models/openai/openai-model.ts'
import { ModelFailure } from '../models/port.ts'

/** The provider behind a model's name; throws where there is none, `what` saying what cannot be done then. */
export function providerOf(models: Models, name: string, what: string): PassThrough {
  const provider = models.raw(name)
  if (provider) return provider
  if (!models.resolve(name)) throw errors.modelNotFound(name)
  throw errors.notSupportedYet('model', what)
}

export async function passOn(reply: FastifyReply, answer: Promise<UpstreamAnswer>): Promise<FastifyReply> {
  try {
    const { status, headers, body } = await answer
    return await reply.code(status).headers(headers).send(body)
  } catch (error) {
    if (error instanceof ModelFailure) throw errors.unavailable('the model provider did not answer', 1000)
    throw error
  }
}
