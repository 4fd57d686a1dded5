/** Requests that are passed on to a provider unchanged: chat completions and embeddings. */
import { completeChat, refuseEmbeddings } from './chat-completions.ts'
import type { OpenAiCompatible, UpstreamAnswer } from './openai/openai-model.ts'
import { inOrder, isOutage, routedModel, type Candidate, type RouteParts } from './route.ts'

/** Passes requests on to the providers of one route. */
export interface PassThrough {
  /**
   * Posts the body with `model` replaced by the provider's name of it; returns the answer byte for byte. When a
   * provider does not answer, is too busy or answers 5xx, tries the next one of the route.
   */
  chatCompletions(body: object, signal: AbortSignal): Promise<UpstreamAnswer>
  /** Uses the first provider only, because vectors of two models cannot be compared. */
  embeddings(body: object, signal: AbortSignal): Promise<UpstreamAnswer>
}

interface PassParts extends RouteParts {
  /** undefined when the provider is not a server; it is then called through the port. */
  serverOf(provider: string): OpenAiCompatible | undefined
}

export function passThrough(candidates: readonly Candidate[], parts: PassParts): PassThrough {
  return {
    async chatCompletions(body, signal) {
      const ordered = inOrder(candidates, parts.health)
      for (const [index, candidate] of ordered.entries()) {
        const { provider, model } = candidate
        const server = parts.serverOf(provider)
        if (!server) return completeChat(routedModel(ordered.slice(index), parts), { ...body, model }, signal)
        const answer = await askServer(
          server,
          { ...body, model },
          { signal, isLast: index === ordered.length - 1 },
        )
        if (answer) return answer
        parts.log('warn', 'a model provider failed and the next one of the route is asked', {
          failed: `${provider}/${model}`,
        })
      }
      throw new Error('expected the last provider of a route to answer or to fail')
    },
    async embeddings(body, signal) {
      const [first] = candidates
      const server = first && parts.serverOf(first.provider)
      return server ? server.embeddings({ ...body, model: first.model }, signal) : refuseEmbeddings()
    },
  }
}

/** undefined when the server failed and the next one may succeed. */
async function askServer(
  server: OpenAiCompatible,
  body: object,
  { signal, isLast }: { signal: AbortSignal; isLast: boolean },
): Promise<UpstreamAnswer | undefined> {
  try {
    const answer = await server.chatCompletions(body, signal)
    if (isLast || (answer.status !== 429 && answer.status < 500)) return answer
    answer.body.destroy()
    return undefined
  } catch (error) {
    if (isLast || !isOutage(error)) throw error
    return undefined
  }
}
