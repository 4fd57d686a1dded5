/** Writes a JSON array into a file, one value per line. The array may be larger than memory. */
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'

export class ArrayWriter {
  readonly #output: WriteStream
  readonly #finished: Promise<void>
  #count = 0

  constructor(path: string) {
    this.#output = createWriteStream(path)
    this.#finished = finished(this.#output)
    // `end` throws the failure. Without this handler, Node would report an unhandled rejection before.
    this.#finished.catch(() => undefined)
  }

  async add(value: object): Promise<void> {
    const isReady = this.#output.write(`${this.#count === 0 ? '[' : ','}\n${JSON.stringify(value)}`)
    this.#count += 1
    if (!isReady) await Promise.race([once(this.#output, 'drain'), this.#finished])
  }

  async end(): Promise<void> {
    this.#output.end(this.#count === 0 ? '[]\n' : '\n]\n')
    await this.#finished
  }
}
