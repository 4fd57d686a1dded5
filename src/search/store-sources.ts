/** The rows of a vector store as the two indexes read them. */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { isCurrent, TermPacker, termsVersion, withHeader } from '../documents/index.ts'
import { pagesOfTerms, pagesOfWindows, textsOfChunks, updateTerms, type PageOfTerms } from '../sql/chunks.ts'
import type { Database } from '../database/database.ts'
import type { SegmentKind } from '../sql/index-segments.ts'
import { storeVersion } from '../sql/vector-stores.ts'
import { chunkedFiles, embeddedFiles } from '../sql/vector-store-files.ts'
import type { IndexedWindow, VectorSource } from './port.ts'
import type { WordRow, WordSource } from './word-source.ts'
import { storedSegments } from './segments.ts'

export interface ChunkKey {
  store_file: number
  position: number
}

/** The name of a chunk in the indexes: its file comes first, so that a filter need not know every chunk. */
export function chunkId({ store_file, position }: ChunkKey): string {
  return `${store_file}.${position}`
}

export function chunkKey(chunk_id: string): ChunkKey {
  const [store_file = '', position = ''] = chunk_id.split('.')
  return { store_file: Number(store_file), position: Number(position) }
}

export const wordSegments: SegmentKind = { kind: 'words', rules: termsVersion }

export function vectorSegments(dimensions: number): SegmentKind {
  return { kind: 'vectors', rules: dimensions }
}

/** The version of a store that was removed: both indexes read nothing of it. */
const noVersion = -1

/** Reads the vectors of a store; `signal` ends the reading of rows. */
export function vectorSource(
  db: Database,
  vector_store_id: string,
  dimensions: number,
  signal?: AbortSignal,
): VectorSource {
  return {
    vector_store_id,
    dimensions,
    version: async () => (await storeVersion(db, vector_store_id)) ?? noVersion,
    parts: () => embeddedFiles(db, vector_store_id),
    async *windows(parts) {
      for await (const page of pagesOfWindows(db, vector_store_id, parts)) {
        signal?.throwIfAborted()
        yield page.flatMap(({ store_file, positions, vector }): IndexedWindow[] => {
          const numbers = toFloats(vector)
          return positions.map((position) => ({ part: store_file, position, vector: numbers }))
        })
      }
    },
    chunkId: chunkIdOf,
    segments: storedSegments(db, vector_store_id, vectorSegments(dimensions)),
  }
}

/** Reads the words of a store, also those that an earlier version has stored. */
export function wordSource(db: Database, vector_store_id: string): WordSource {
  return {
    vector_store_id,
    version: async () => (await storeVersion(db, vector_store_id)) ?? noVersion,
    parts: () => chunkedFiles(db, vector_store_id),
    async *terms(parts) {
      for await (const page of pagesOfTerms(db, vector_store_id, parts)) yield page.map(toWordRow)
    },
    chunkId: chunkIdOf,
    segments: storedSegments(db, vector_store_id, wordSegments),
  }
}

/** The same for workers: terms of an earlier version are made again and stored. `signal` ends the reading of rows. */
export function renewingWordSource(db: Database, vector_store_id: string, signal: AbortSignal): WordSource {
  return {
    ...wordSource(db, vector_store_id),
    async *terms(parts) {
      for await (const page of pagesOfTerms(db, vector_store_id, parts)) {
        signal.throwIfAborted()
        yield (await renewTerms(db, vector_store_id, page)).map(toWordRow)
      }
    },
  }
}

function toWordRow({ store_file, position, terms }: PageOfTerms): WordRow {
  return { part: store_file, position, terms: withHeader(terms) }
}

/** Makes terms of an earlier version again from the text. */
async function renewTerms(
  db: Database,
  vector_store_id: string,
  page: PageOfTerms[],
): Promise<PageOfTerms[]> {
  const old = page.filter(({ terms }) => !isCurrent(terms))
  if (old.length === 0) return page
  const packer = new TermPacker()
  const renewed = new Map<string, PageOfTerms>()
  for (const { store_file, position, text } of await textsOfChunks(db, vector_store_id, old)) {
    const terms = Buffer.from(await packer.pack(text))
    renewed.set(chunkId({ store_file, position }), { store_file, position, terms })
    // Other work of the process gets its turn.
    await nextTurnOfLoop()
  }
  await updateTerms(db, vector_store_id, [...renewed.values()])
  // Chunks that were removed meanwhile are left out.
  return page.flatMap((row) => (isCurrent(row.terms) ? row : (renewed.get(chunkId(row)) ?? [])))
}

function chunkIdOf(store_file: number, position: number): string {
  return chunkId({ store_file, position })
}

/** Copies the bytes: a buffer of the driver may begin anywhere, and floats must begin at a multiple of four. */
export function toFloats(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer)
}

export function toBytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
}
