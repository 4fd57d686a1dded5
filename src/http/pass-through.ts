/** /v1/chat/completions and /v1/embeddings: the request goes to the provider, and its answer back byte for byte. */
import type { FastifyReply } from 'fastify'
import type { ApiError } from '../api/api-error.ts'
import { errors } from '../api/errors.ts'
import type { Models } from '../models/open.ts'
import type { PassThrough } from '../models/pass-through.ts'
import type { UpstreamAnswer } from '../models/openai/openai-model.ts'
import { ModelFailure } from '../models/port.ts'
import { streamBegins } from './limits.ts'
import { route } from './route.ts'
import { hangUpSignal } from './sse.ts'

/** OpenAI takes 300,000 tokens in one request, which may be sent as numbers. */
const maxEmbeddingValues = 400_000

export const passThroughRoutes = [
  route({
    method: 'POST',
    path: '/v1/embeddings',
    id: 'createEmbeddings',
    summary: 'Send texts to the provider for embedding',
    body: 'EmbeddingsRequest',
    example: { model: 'text-embedding-3-small', input: 'Hello!' },
    answer: 'EmbeddingList',
    maxValues: maxEmbeddingValues,
    handle({ server, body, request, reply }) {
      const provider = providerOf(server.models, body.model, 'Making embeddings without a model provider')
      return passOn(reply, provider.embeddings(request.body as object, hangUpSignal(reply)))
    },
  }),
  route({
    method: 'POST',
    path: '/v1/chat/completions',
    id: 'createChatCompletion',
    summary: 'Send a chat completion request to the provider',
    description: 'Request and answer are those of the provider, streamed or not.',
    body: 'ChatCompletionsRequest',
    example: { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] },
    media: ['application/json', 'text/event-stream'],
    handle({ server, body, request, reply }) {
      const provider = providerOf(server.models, body.model, 'Completing chats without a model provider')
      return passOn(reply, provider.chatCompletions(request.body as object, hangUpSignal(reply)))
    },
  }),
]

/** Throws when no provider serves the model; `what` names the call in the error for a built-in model. */
function providerOf(models: Models, name: string, what: string): PassThrough {
  const provider = models.raw(name)
  if (provider) return provider
  if (!models.resolve(name)) throw errors.modelNotFound(name)
  throw errors.notSupportedYet('model', what)
}

async function passOn(reply: FastifyReply, answer: Promise<UpstreamAnswer>): Promise<FastifyReply> {
  try {
    const { status, headers, body } = await answer
    streamBegins(reply)
    return await reply.code(status).headers(headers).send(body)
  } catch (error) {
    throw error instanceof ModelFailure ? providerUnavailable() : error
  }
}

export function providerUnavailable(): ApiError {
  return errors.unavailable('the model provider did not answer', 1000)
}
