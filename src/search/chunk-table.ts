/**
 * The chunks that an index knows of a store, numbered, and the parts that they belong to. A table never changes: who
 * searches keeps the one it began with, while additions and removals make another that shares the old numbers.
 */
import type { SourcePart } from './port.ts'

interface Part {
  number: number
  stamp: number
}

export interface ChunkTable {
  /** By number; those of parts that went are among them. */
  readonly ids: string[]
  /** The number of each chunk's part. */
  readonly owners: number[]
  /** The parts that count. */
  readonly parts: ReadonlyMap<string, Part>
  /** By number of part: how many chunks it has, or 0 when it went. */
  readonly sizes: readonly number[]
  /** How many chunks count. */
  readonly live: number
}

export const emptyTable: ChunkTable = { ids: [], owners: [], parts: new Map(), sizes: [], live: 0 }

/** What an entry takes in memory: an id is about 12 characters. */
export const bytesPerChunk = 48

export function isLive(table: ChunkTable, chunk: number): boolean {
  return (table.sizes[table.owners[chunk] ?? -1] ?? 0) > 0
}

/**
 * The table to go on from for these parts, and the parts that must be read: those that are new or changed. When more
 * would be dead than alive it is the empty one, and all parts must be read.
 */
export function withoutGone(
  table: ChunkTable,
  parts: readonly SourcePart[],
): { table: ChunkTable; fresh: SourcePart[] } {
  const kept = new Map<string, Part>()
  const sizes = table.sizes.map(() => 0)
  const fresh: SourcePart[] = []
  let live = 0
  for (const { part, stamp } of parts) {
    const known = table.parts.get(part)
    if (!known || known.stamp !== stamp) {
      fresh.push({ part, stamp })
      continue
    }
    kept.set(part, known)
    sizes[known.number] = table.sizes[known.number] ?? 0
    live += table.sizes[known.number] ?? 0
  }
  if (live < table.ids.length / 2) return { table: emptyTable, fresh: [...parts] }
  return { table: { ...table, parts: kept, sizes, live }, fresh }
}

/** Makes a table with more chunks. */
export class TableWriter {
  readonly #ids: string[]
  readonly #owners: number[]
  readonly #parts: Map<string, Part>
  readonly #sizes: number[]
  readonly #fresh = new Map<string, number>()
  #live: number

  /** `fresh` are parts that the table does not have. */
  constructor(table: ChunkTable, fresh: readonly SourcePart[]) {
    this.#ids = table.ids.slice()
    this.#owners = table.owners.slice()
    this.#parts = new Map(table.parts)
    this.#sizes = table.sizes.slice()
    this.#live = table.live
    for (const { part, stamp } of fresh) {
      this.#parts.set(part, { number: this.#sizes.length, stamp })
      this.#sizes.push(0)
    }
  }

  get length(): number {
    return this.#ids.length
  }

  /** The number of a chunk of a fresh part. */
  numberOf(part: string, chunk_id: string): number {
    const known = this.#fresh.get(chunk_id)
    if (known !== undefined) return known
    const owner = this.#parts.get(part)?.number
    if (owner === undefined) throw new Error(`part ${part} was not asked for`)
    const number = this.#ids.length
    this.#fresh.set(chunk_id, number)
    this.#ids.push(chunk_id)
    this.#owners.push(owner)
    this.#sizes[owner] = (this.#sizes[owner] ?? 0) + 1
    this.#live += 1
    return number
  }

  /** To be called once, in the end. */
  finish(): ChunkTable {
    return {
      ids: this.#ids,
      owners: this.#owners,
      parts: this.#parts,
      sizes: this.#sizes,
      live: this.#live,
    }
  }
}
