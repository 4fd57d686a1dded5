/** A file that this process has claimed, and the fence of all its writes. */
import type { Queryable } from '../database/database.ts'
import type { Retrieval } from '../search/retrieval.ts'
import { lockIngest, startIngest, type IngestLease, type IngestRow } from '../sql/ingest.ts'
import { raiseVersion } from '../sql/vector-stores.ts'
import type { Log } from '../util/log.ts'

/** What the stages of ingest use. A reload of the settings may replace the embedder by another connection to it. */
export type IngestContext = Pick<Retrieval, 'db' | 'blobs' | 'log' | 'embedder' | 'parsers'>

export interface ClaimedFile {
  row: IngestRow
  lease: IngestLease
  /** Resolves while this process is known to hold its leases; throws the signal's reason when that ends. */
  confirmed: (signal: AbortSignal) => Promise<void>
}

/** Another process has the file, or it was cancelled or deleted: nothing more may be written. */
export class ClaimLost extends Error {
  constructor() {
    super('the claim on the file is lost')
    this.name = 'ClaimLost'
  }
}

/**
 * Runs `change` while the row of the file is locked, or throws `ClaimLost`. With `raises` the version of the store is
 * raised, so that searches read the change; `added` is the number of chunks that they find from now on.
 */
export async function writeFenced(
  { db }: Pick<IngestContext, 'db'>,
  { lease, row }: ClaimedFile,
  options: { raises: boolean; added?: number },
  change: (tx: Queryable) => Promise<void>,
): Promise<void> {
  await db.transaction(async (tx) => {
    // Every transaction locks stores before their files.
    if (options.raises) await raiseVersion(tx, row.vector_store_id, options.added)
    if (!(await lockIngest(tx, lease))) throw new ClaimLost()
    await change(tx)
  })
}

/** Records the start of the work. When the process ends after this, the file counts a recovery. Throws `ClaimLost`. */
export async function markAtWork({ db }: Pick<IngestContext, 'db'>, { lease }: ClaimedFile): Promise<void> {
  if (!(await startIngest(db, lease))) throw new ClaimLost()
}

/** Writes a log line about the file. */
export function logFile(
  log: Log,
  level: 'info' | 'warn' | 'error',
  message: string,
  options: { file: ClaimedFile; fields?: object },
): void {
  const { project, vector_store_id, file_id } = options.file.row
  log(level, message, { project, vector_store_id, file_id, ...options.fields })
}
