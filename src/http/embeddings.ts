/** /v1/embeddings */
import { EmbeddingsRequest } from '../api/models.ts'
import { parse } from '../api/parse.ts'
import { passOn, providerOf } from './pass-through.ts'
import type { Server } from './server.ts'
import { hangUpSignal } from './sse.ts'

/** Token lists are long: 2,048 inputs of up to 8,192 tokens. */
const maxValues = 2048 * 8192

export function embeddingRoutes({ http, models }: Server): void {
  http.post('/embeddings', async (request, reply) => {
    const { model } = parse(EmbeddingsRequest, request.body, { maxValues })
    const provider = providerOf(models, model, 'Making embeddings without a model provider')
    return passOn(reply, provider.embeddings(request.body as object, hangUpSignal(reply)))
  })
}
