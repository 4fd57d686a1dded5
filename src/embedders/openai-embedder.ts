/** Embeddings from any server that speaks OpenAI's `/embeddings`. */
import { embeddingFacts } from '../models/model-facts.ts'
import type { OpenAiCompatible } from '../models/openai/openai-model.ts'
import { asRecord, brokenAnswer } from '../models/openai/failure.ts'
import { guessTokens } from '../util/count-tokens.ts'
import { ModelFailure, type Embedder } from './port.ts'

/** Limits of one request: OpenAI takes 2,048 texts and 300,000 tokens. */
const maxTexts = 128
const maxTokens = 200_000

interface OpenAiEmbedderOptions {
  server: Pick<OpenAiCompatible, 'postJson'>
  model: string
  /** From the settings; needed for models that are not OpenAI's own. */
  written: { dimensions: number; window_tokens?: number | undefined } | undefined
}

/** Throws a sentence when the width of the model's vectors is unknown. The caller closes the server. */
export function openOpenAiEmbedder({ server, model, written }: OpenAiEmbedderOptions): Embedder {
  const facts = embeddingFacts(model)
  const dimensions = written?.dimensions ?? facts?.dimensions
  if (dimensions === undefined) {
    throw new Error(
      `The width of the embedding model "${model}" is not known: write "embedders": {"${model}": {"dimensions": …}} at its provider.`,
    )
  }
  const shortened = facts?.mayShorten === true && dimensions !== facts.dimensions
  let most = maxTexts
  const fixed = { model, encoding_format: 'base64', ...(shortened ? { dimensions } : {}) }
  return {
    id: `${model}/${dimensions}`,
    dimensions,
    windowTokens: written?.window_tokens ?? facts?.windowTokens ?? 512,
    async embed(texts, _purpose, signal) {
      signal.throwIfAborted()
      const vectors: Float32Array[] = []
      const waiting = batches(texts, most)
      let taken = most
      for (let batch = waiting.shift(); batch; batch = waiting.shift()) {
        try {
          const answer = await server.postJson('/embeddings', { ...fixed, input: batch }, signal)
          vectors.push(...readVectors(answer, { expected: batch.length, dimensions }))
        } catch (error) {
          if (batch.length === 1 || !isRefused(error)) throw error
          // Small servers take 32 texts or fewer, or fewer tokens.
          taken = Math.ceil(batch.length / 2)
          waiting.unshift(batch.slice(0, taken), batch.slice(taken))
        }
      }
      most = taken
      return vectors
    },
    close: async () => {},
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof ModelFailure && error.code === 'invalid_prompt'
}

function batches(texts: string[], most: number): string[][] {
  const all: string[][] = []
  let tokensLeft = 0
  for (const original of texts) {
    // OpenAI refuses an empty text. The vector of a space is as good.
    const text = original === '' ? ' ' : original
    const tokens = guessTokens(text)
    const last = all.at(-1)
    if (last === undefined || last.length >= most || tokens > tokensLeft) {
      all.push([text])
      tokensLeft = maxTokens - tokens
    } else {
      last.push(text)
      tokensLeft -= tokens
    }
  }
  return all
}

function readVectors(
  answer: unknown,
  { expected, dimensions }: { expected: number; dimensions: number },
): Float32Array[] {
  const data: unknown = asRecord(answer)?.data
  if (!Array.isArray(data) || data.length !== expected)
    throw brokenAnswer('an answer without one embedding a text')
  const vectors: (Float32Array | undefined)[] = Array.from({ length: expected })
  for (const [place, value] of data.entries()) {
    const entry = asRecord(value)
    const index = typeof entry?.index === 'number' ? entry.index : place
    if (!Number.isInteger(index) || index < 0 || index >= expected)
      throw brokenAnswer('an embedding with a wrong index')
    vectors[index] = unitVector(readVector(entry?.embedding), dimensions)
  }
  return vectors.map((vector) => {
    if (vector === undefined) throw brokenAnswer('two embeddings with one index')
    return vector
  })
}

/** Base64 of little-endian floats, as requested, or an array of numbers from servers that do not support base64. */
function readVector(value: unknown): Float32Array {
  if (Array.isArray(value)) return Float32Array.from(value, Number)
  if (typeof value !== 'string') throw brokenAnswer('an embedding that is neither numbers nor base64')
  const bytes = Buffer.from(value, 'base64')
  const vector = new Float32Array(Math.floor(bytes.byteLength / 4))
  for (let index = 0; index < vector.length; index += 1) vector[index] = bytes.readFloatLE(index * 4)
  return vector
}

function unitVector(vector: Float32Array, dimensions: number): Float32Array {
  if (vector.length !== dimensions)
    throw brokenAnswer(`an embedding of ${vector.length} numbers, not ${dimensions}`)
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  if (!Number.isFinite(length)) throw brokenAnswer('an embedding that holds no numbers')
  return length === 0 ? vector : vector.map((value) => value / length)
}
