/** The job that turns a file of sections into a file of chunks, and the reader of that file. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { chunkSections, type Chunk, type ChunkSizes } from './chunk.ts'
import { readSections } from './sections.ts'
import { TermPacker } from './terms.ts'
import { loadTokenCounter } from '../util/count-tokens.ts'

export interface ChunkJob {
  kind: 'chunk'
  /** A file that the extract job wrote. */
  input: string
  /** The file of chunks to write, one JSON line each. */
  output: string
  sizes: ChunkSizes
  maxTokens: number
}

export interface ChunkResult {
  chunks: number
  /** The tokens of all chunks; text in two chunks counts twice. */
  tokens: number
}

/** Throws `ParseFailure` when the document has too many tokens. */
export async function chunkFile(job: ChunkJob): Promise<ChunkResult> {
  const countTokens = await loadTokenCounter()
  const packer = new TermPacker()
  const result = { chunks: 0, tokens: 0 }
  const file = await open(job.output, 'w', 0o600)
  try {
    let pending = ''
    const chunks = chunkSections(readSections(job.input), {
      sizes: job.sizes,
      countTokens,
      maxTokens: job.maxTokens,
    })
    for await (const chunk of chunks) {
      result.chunks += 1
      result.tokens += chunk.tokens
      const terms = Buffer.from(await packer.pack(chunk.text)).toString('base64')
      pending += `${JSON.stringify({ ...chunk, terms })}\n`
      if (pending.length < 1 << 18) continue
      await file.appendFile(pending)
      pending = ''
    }
    await file.appendFile(pending)
  } finally {
    await file.close()
  }
  return result
}

/** A chunk with the terms that searches by words compare. */
export interface StoredChunk extends Chunk {
  terms: Uint8Array
}

/** Reads the chunks that `chunkFile` wrote, in order. */
export async function* readChunks(path: string): AsyncIterable<StoredChunk> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  for await (const line of lines) {
    if (line === '') continue
    const chunk = JSON.parse(line) as Chunk & { terms: string }
    yield { ...chunk, terms: Buffer.from(chunk.terms, 'base64') }
  }
}
