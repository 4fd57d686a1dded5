/** /v1/chat/completions */
import { ChatCompletionsRequest } from '../api/models.ts'
import { parse } from '../api/parse.ts'
import { passOn, providerOf } from './pass-through.ts'
import type { Server } from './server.ts'
import { hangUpSignal } from './sse.ts'

export function chatCompletionRoutes({ http, models }: Server): void {
  http.post('/chat/completions', async (request, reply) => {
    const { model } = parse(ChatCompletionsRequest, request.body)
    const provider = providerOf(models, model, 'Completing chats without a model provider')
    return passOn(reply, provider.chatCompletions(request.body as object, hangUpSignal(reply)))
  })
}
