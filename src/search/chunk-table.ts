/**
 * The chunks of a store that an index holds, numbered, and the parts that they belong to. A table never changes: a
 * search keeps the table that it began with, and additions and removals make another one with the same old numbers.
 */
import type { SourcePart } from './port.ts'

interface Part {
  number: number
  stamp: number
}

export interface ChunkTable {
  /** By number, those of removed parts included. */
  readonly ids: string[]
  /** The number of each chunk's part; -1 for a chunk that never counts. */
  readonly owners: number[]
  /** The parts that were not removed. */
  readonly parts: ReadonlyMap<string, Part>
  /** By number of part: how many chunks it has; 0 when it was removed. */
  readonly sizes: readonly number[]
  /** How many chunks belong to parts that were not removed. */
  readonly live: number
}

export const emptyTable: ChunkTable = { ids: [], owners: [], parts: new Map(), sizes: [], live: 0 }

/** Memory of an entry: an id is about 12 characters. */
export const bytesPerChunk = 48

export function isLive(table: ChunkTable, chunk: number): boolean {
  return (table.sizes[table.owners[chunk] ?? -1] ?? 0) > 0
}

/**
 * The table without the parts that are gone or changed, and the parts that must be read. When most chunks of the table
 * belong to removed parts, it is the empty table, and all parts must be read.
 */
export function withoutGone(
  table: ChunkTable,
  parts: readonly SourcePart[],
): { table: ChunkTable; fresh: SourcePart[] } {
  const kept = new Map<string, Part>()
  const sizes = table.sizes.map(() => 0)
  const fresh: SourcePart[] = []
  let live = 0
  for (const one of parts) {
    const { part, stamp } = one
    const known = table.parts.get(part)
    if (!known || known.stamp !== stamp) {
      fresh.push(one)
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

  /** `fresh` are parts that the table does not have, and whose chunks `numberOf` numbers. */
  constructor(table: ChunkTable, fresh: readonly SourcePart[] = []) {
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

  /** Numbers the chunks of a part that the table does not have; without `stamp` they never count. */
  addPart(part: string, stamp: number | undefined, chunk_ids: readonly string[]): void {
    const number = stamp === undefined ? -1 : this.#sizes.length
    if (stamp !== undefined) {
      this.#parts.set(part, { number, stamp })
      this.#sizes.push(chunk_ids.length)
      this.#live += chunk_ids.length
    }
    for (const id of chunk_ids) {
      this.#ids.push(id)
      this.#owners.push(number)
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
    if (owner === undefined) throw new Error(`part ${part} was not expected`)
    const number = this.#ids.length
    this.#fresh.set(chunk_id, number)
    this.#ids.push(chunk_id)
    this.#owners.push(owner)
    this.#sizes[owner] = (this.#sizes[owner] ?? 0) + 1
    this.#live += 1
    return number
  }

  /** Call it once, at the end. */
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
