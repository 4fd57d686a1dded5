/** The start of an answer: until its first part, a failure can still be retried or set the status of a response. */
import type { ModelPart } from './port.ts'

/** Waits for the first part and throws what fails before it. To leave the loop over the parts stops the model. */
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
