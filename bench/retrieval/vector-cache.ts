/** Keeps the vectors of a list of texts in a file, because the built-in embedder takes minutes for a public set. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Embedder } from '../../src/embedders/port.ts'
import type { Embed } from './legs.ts'

/** The file is named after the embedder and the texts, so a change of either makes another file. */
export function cachedEmbed(embedder: Embedder, folder: string): Embed {
  return async (texts, purpose) => {
    const key = JSON.stringify([embedder.id, purpose, texts])
    const path = join(folder, createHash('sha256').update(key).digest('hex'))
    const known = await readFile(path).catch(() => undefined)
    if (known) return fromBytes(known, embedder.dimensions)
    const vectors = await embedder.embed(texts, purpose, new AbortController().signal)
    await mkdir(folder, { recursive: true })
    await writeFile(
      path,
      Buffer.concat(vectors.map((vector) => Buffer.from(Float32Array.from(vector).buffer))),
    )
    return vectors
  }
}

function fromBytes(bytes: Buffer, dimensions: number): Float32Array[] {
  const all = new Float32Array(Uint8Array.from(bytes).buffer)
  return Array.from({ length: all.length / dimensions }, (_, row) =>
    all.slice(row * dimensions, (row + 1) * dimensions),
  )
}
