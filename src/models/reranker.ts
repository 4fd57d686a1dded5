/** A model that scores each passage together with the query, on a server with `/rerank`. */
import type { Log } from '../util/log.ts'
import { openOpenAiCompatible } from './openai/openai-model.ts'
import type { ModelSettings } from './settings.ts'

export interface Reranker {
  /** The provider's name. */
  name: string
  /** One score for each text, in order, 0..1. Throws when the server does not answer in time; on abort, the signal's reason. */
  rerank(query: string, texts: readonly string[], signal: AbortSignal): Promise<number[]>
  close(): void
}

const defaultTimeoutMs = 10_000

/** The first provider of type `rerank`; undefined when there is none. Opens no connection yet. */
export function openReranker({ providers }: ModelSettings, log: Log): Reranker | undefined {
  for (const [name, settings] of Object.entries(providers)) {
    if (settings.type !== 'rerank') continue
    const { base_url, model, api_key, headers, timeout_ms = defaultTimeoutMs } = settings
    const keys = { ...(api_key && { api_key }), ...(headers && { headers }) }
    // A search waits for the answer, so there is only one retry.
    const server = openOpenAiCompatible({ type: 'openai', base_url, ...keys, max_retries: 1 }, { name, log })
    return {
      name,
      async rerank(query, texts, signal) {
        const body = model ? { model, query, documents: texts } : { query, texts, truncate: true }
        const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeout_ms)])
        return withinOne(readScores(await server.postJson('/rerank', body, inTime), texts.length))
      },
      close: () => server.close(),
    }
  }
  return undefined
}

/** `{"results": [{"index": 0, "relevance_score": 0.5}]}`, or `[{"index": 0, "score": 0.5}]`, in any order. */
function readScores(answer: unknown, expected: number): number[] {
  const entries: unknown = Array.isArray(answer) ? answer : field(answer, 'results')
  if (!Array.isArray(entries)) throw new Error('the reranker answered without results')
  const scores = new Map<unknown, unknown>()
  for (const entry of entries) {
    scores.set(field(entry, 'index'), field(entry, 'relevance_score') ?? field(entry, 'score'))
  }
  return Array.from({ length: expected }, (_, index) => {
    const score = scores.get(index)
    if (typeof score !== 'number') throw new Error(`the reranker gave no score for document ${index}`)
    return score
  })
}

/** Servers return probabilities, or logits, which the logistic function turns into probabilities. */
function withinOne(scores: number[]): number[] {
  const areShares = scores.every((score) => score >= 0 && score <= 1)
  return areShares ? scores : scores.map((score) => 1 / (1 + Math.exp(-score)))
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
