/** A child process of a local embedder: a text in, one vector out, one text at a time. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Tokenizer } from '@huggingface/tokenizers'

/** The part of onnxruntime-node that is used. */
interface Runtime {
  InferenceSession: {
    create(path: string, options: { intraOpNumThreads: number; interOpNumThreads: number }): Promise<Session>
  }
  Tensor: new (type: 'int64', data: BigInt64Array, shape: [number, number]) => object
}
interface Session {
  inputNames: readonly string[]
  outputNames: readonly string[]
  run(inputs: Record<string, object>): Promise<Record<string, { data: Float32Array }>>
}

/** The one argument of the process, as JSON. */
export interface EmbedderChildData {
  /** Paths of the runtime's entry and of the model's files. */
  runtime: string
  model: string
  tokenizer: string
  maxTokens: number
}
export interface EmbedRequest {
  text: string
}
export type EmbedReply = { vector: Float32Array } | { failure: string }

const data = JSON.parse(process.argv[2] ?? '') as EmbedderChildData

async function load() {
  const runtime = createRequire(import.meta.url)(data.runtime) as Runtime
  const threads = { intraOpNumThreads: 1, interOpNumThreads: 1 }
  const session = await runtime.InferenceSession.create(data.model, threads)
  const tokenizer = new Tokenizer(JSON.parse(readFileSync(data.tokenizer, 'utf8')) as object, {})
  return { runtime, session, tokenizer }
}

const loading = load()
// The failure is answered to each text.
loading.catch(() => {})

async function embed(text: string): Promise<Float32Array> {
  const { runtime, session, tokenizer } = await loading
  const ids = cut(tokenizer.encode(text).ids)
  const shape: [number, number] = [1, ids.length]
  const filled = (value: (at: number) => number) =>
    new runtime.Tensor(
      'int64',
      BigInt64Array.from(ids, (_, at) => BigInt(value(at))),
      shape,
    )
  const inputs: Record<string, object> = {
    input_ids: filled((at) => ids[at] ?? 0),
    attention_mask: filled(() => 1),
    token_type_ids: filled(() => 0),
  }
  const known = Object.fromEntries(session.inputNames.map((name) => [name, inputs[name] ?? filled(() => 0)]))
  const output = (await session.run(known))[session.outputNames[0] ?? '']
  if (!output) throw new Error('the model has no output')
  return meanOf(output.data, ids.length)
}

/** A text that is too long keeps its beginning and the token that ends it. */
function cut(ids: number[]): number[] {
  return ids.length <= data.maxTokens ? ids : [...ids.slice(0, data.maxTokens - 1), ids.at(-1) ?? 0]
}

/** The mean of the tokens' vectors, with length one. */
function meanOf(states: Float32Array, tokens: number): Float32Array {
  const width = states.length / tokens
  const vector = new Float32Array(width)
  for (const [at, value] of states.entries()) vector[at % width] = (vector[at % width] ?? 0) + value
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

process.on('message', ({ text }: EmbedRequest) => {
  embed(text).then(
    (vector) => process.send?.({ vector } satisfies EmbedReply),
    (error: unknown) => process.send?.({ failure: String(error) } satisfies EmbedReply),
  )
})
process.on('disconnect', () => process.exit(0))
