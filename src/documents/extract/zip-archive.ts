/** Reads zip containers (docx, pptx, odt, epub …) part by part under one budget of inflated bytes. */
import { promisify } from 'node:util'
import { open, type Entry, type ZipFile } from 'yauzl'
import { ParseFailure, parseFailures } from '../parse-failure.ts'

const openFile = promisify<string, object, ZipFile>(open)
const maxParts = 65_536

/**
 * Counts bytes as they are inflated, because the sizes that a zip declares may be wrong. The budget is for the whole
 * file; a part that is read twice counts twice.
 */
export class ZipArchive {
  readonly #file: ZipFile
  readonly #parts: Map<string, Entry>
  #budget: number

  private constructor(file: ZipFile, parts: Map<string, Entry>, inflateBytes: number) {
    this.#file = file
    this.#parts = parts
    this.#budget = inflateBytes
  }

  static async open(path: string, inflateBytes: number): Promise<ZipArchive> {
    try {
      const file = await openFile(path, { autoClose: false, lazyEntries: true })
      return new ZipArchive(file, await listParts(file), inflateBytes)
    } catch (error) {
      throw error instanceof ParseFailure ? error : parseFailures.damaged(error)
    }
  }

  get names(): string[] {
    return [...this.#parts.keys()]
  }

  has(name: string): boolean {
    return this.#parts.has(name)
  }

  /** The inflated bytes of a part. Throws `ParseFailure` when the part is missing or damaged. */
  async *bytes(name: string): AsyncIterable<Buffer> {
    const entry = this.#parts.get(name)
    if (!entry) throw parseFailures.damaged(`no part ${name}`)
    if ((entry.generalPurposeBitFlag & 1) === 1) throw parseFailures.encrypted()
    try {
      const stream = await promisify<Entry, NodeJS.ReadableStream>(
        this.#file.openReadStream.bind(this.#file),
      )(entry)
      for await (const chunk of stream) {
        const bytes = chunk as Buffer
        this.#budget -= bytes.length
        if (this.#budget < 0) throw parseFailures.tooLarge()
        yield bytes
      }
    } catch (error) {
      throw error instanceof ParseFailure ? error : parseFailures.damaged(error)
    }
  }

  /** Inflates and discards every part, before a library reads the file without a limit. */
  async checkBudget(): Promise<void> {
    for (const name of this.#parts.keys()) {
      for await (const _bytes of this.bytes(name));
    }
  }

  close(): void {
    this.#file.close()
  }
}

async function listParts(file: ZipFile): Promise<Map<string, Entry>> {
  const parts = new Map<string, Entry>()
  await new Promise<void>((resolve, reject) => {
    file.on('error', reject)
    file.on('end', resolve)
    file.on('entry', (entry: Entry) => {
      parts.set(entry.fileName, entry)
      if (parts.size > maxParts) reject(parseFailures.tooLarge())
      else file.readEntry()
    })
    file.readEntry()
  })
  return parts
}
