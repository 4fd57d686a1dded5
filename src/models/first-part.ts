/** Waits for the start of an answer. A failure before the first part can still be retried, or set the HTTP status. */
import type { ModelPart } from './port.ts'

/** Resolves with all parts once the first has arrived. Throws earlier failures. Leaving the loop over the parts stops the model. */
export async function firstPart(stream: AsyncIterable<ModelPart>): Promise<AsyncGenerator<ModelPart>> {
  const parts = stream[Symbol.asyncIterator]()
  const first = await parts.next()
  return (async function* () {
    try {
      for (let next = first; next.done !== true; next = await parts.next()) yield next.value
    } finally {
      await parts.return?.()
    }
  })()
}
