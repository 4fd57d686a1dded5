/** Writes a JSON array into a file, one value per line. The array may be larger than memory. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

export async function writeArray(path: string, values: AsyncIterable<object>): Promise<void> {
  await pipeline(linesOf(values), createWriteStream(path))
}

async function* linesOf(values: AsyncIterable<object>): AsyncGenerator<string> {
  let count = 0
  for await (const value of values) {
    yield `${count === 0 ? '[' : ','}\n${JSON.stringify(value)}`
    count += 1
  }
  yield count === 0 ? '[]\n' : '\n]\n'
}
