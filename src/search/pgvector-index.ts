/**
 * Vector search inside a PostgreSQL that has the pgvector extension: no memory of this process, at the price of a
 * second copy of the vectors and of slower scans. Each search compares all vectors of the store, so nothing is missed.
 */
import type { Database } from '../database/database.ts'
import {
  copiedParts,
  copiedVersion,
  createVectorTables,
  insertParts,
  insertVectors,
  lockCopy,
  nearestChunks,
  removeCopy,
  removeParts,
  setCopiedVersion,
} from '../sql/pgvector.ts'
import type { Log } from '../util/log.ts'
import type { IndexedWindow, VectorHit, VectorIndex, VectorSource } from './port.ts'

/** A filter lets few pass: then ten times as many are asked for, until there are enough or no more. */
const widening = 10

export class PgvectorIndex implements VectorIndex {
  readonly #db: Database
  readonly #log: Log

  private constructor(db: Database, log: Log) {
    this.#db = db
    this.#log = log
  }

  /** Makes the driver's tables. Throws a sentence where the database lacks the extension. */
  static async open(db: Database, log: Log): Promise<PgvectorIndex> {
    try {
      await createVectorTables(db)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(
        `vector_index is 'pgvector', and this database cannot have the extension: ${reason}. Install it, or leave vector_index out.`,
        { cause: error },
      )
    }
    return new PgvectorIndex(db, log)
  }

  async search(
    source: VectorSource,
    query: Float32Array,
    options: { limit: number; accept?: (chunk_id: string) => boolean },
    signal: AbortSignal,
  ): Promise<VectorHit[]> {
    signal.throwIfAborted()
    if (query.length !== source.dimensions) {
      throw new RangeError(`the query has ${query.length} dimensions, the store ${source.dimensions}`)
    }
    const { accept, limit } = options
    const version = await source.version()
    if ((await copiedVersion(this.#db, source.vector_store_id)) !== version) await this.#copy(source, version)
    for (let wanted = limit; ; wanted *= widening) {
      signal.throwIfAborted()
      const nearest = { vector: query, limit: wanted }
      const hits = await nearestChunks(this.#db, source.vector_store_id, nearest)
      const accepted = accept ? hits.filter(({ chunk_id }) => accept(chunk_id)) : hits
      if (accepted.length >= limit || hits.length < wanted) return accepted.slice(0, limit)
    }
  }

  /** A failure leaves rows behind that the next start removes. */
  forget(vector_store_id: string): void {
    this.#db
      .transaction(async (tx) => {
        await lockCopy(tx, vector_store_id)
        await removeCopy(tx, vector_store_id)
      })
      .catch((error: unknown) =>
        this.#log('warn', 'vectors could not be removed', { vector_store_id, error }),
      )
  }

  /** Brings the copy up to date in one transaction; of several processes the others wait and find it done. */
  async #copy(source: VectorSource, version: number): Promise<void> {
    const { vector_store_id: id } = source
    await this.#db.transaction(async (tx) => {
      // A newer one that somebody made meanwhile is as good.
      if ((await lockCopy(tx, id)) >= version && version >= 0) return
      const known = await copiedParts(tx, id)
      const parts = await source.parts()
      const fresh = parts.filter(({ part, stamp }) => known.get(part) !== stamp)
      const kept = new Set(
        parts.filter(({ part, stamp }) => known.get(part) === stamp).map(({ part }) => part),
      )
      await removeParts(
        tx,
        id,
        [...known.keys()].filter((part) => !kept.has(part)),
      )
      await insertParts(tx, id, fresh)
      if (fresh.length > 0) {
        for await (const page of source.windows(fresh.map(({ part }) => part))) {
          await insertVectors(tx, id, byVector(page))
        }
      }
      await setCopiedVersion(tx, id, version)
    })
  }
}

/** One row for each vector, with all the chunks that share it. */
function byVector(page: IndexedWindow[]) {
  const rows = new Map<Float32Array, { part: string; chunk_ids: string[]; vector: Float32Array }>()
  for (const { part, chunk_id, vector } of page) {
    const row = rows.get(vector) ?? { part, chunk_ids: [], vector }
    row.chunk_ids.push(chunk_id)
    rows.set(vector, row)
  }
  return [...rows.values()]
}
