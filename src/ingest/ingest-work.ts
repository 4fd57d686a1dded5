/** A claimed file, and the fence around everything that is written for it. */
import type { Database, Queryable } from '../database/database.ts'
import { holdIngest, type IngestLease, type IngestRow } from '../sql/ingest.ts'
import { raiseVersion } from '../sql/vector-stores.ts'

export interface IngestWork {
  row: IngestRow
  lease: IngestLease
  /** Resolves while this process is known to hold its leases; throws the signal's reason when that ends. */
  confirmed: (signal: AbortSignal) => Promise<void>
}

/** Somebody else has the file, or it was cancelled or deleted: nothing more may be written. */
export class IngestLost extends Error {
  constructor() {
    super('the file is no longer ours to bring in')
    this.name = 'IngestLost'
  }
}

/** Runs `change` on the row under its lock, or throws `IngestLost`. Raises the store's version when asked to. */
export async function fenced(
  { db }: { db: Database },
  { lease, row }: IngestWork,
  options: { raises: boolean },
  change: (tx: Queryable) => Promise<void>,
): Promise<void> {
  await db.transaction(async (tx) => {
    // Stores are locked before their files, by everyone.
    if (options.raises) await raiseVersion(tx, row.vector_store_id)
    if (!(await holdIngest(tx, lease))) throw new IngestLost()
    await change(tx)
  })
}
