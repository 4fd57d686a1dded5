/**
 * Processes one file of a vector store, one stage at a time. First the file is read and cut into chunks; from then on a
 * search finds it by its words. Then the chunks get their vectors, group by group. The progress is in the database, so
 * that any process can continue.
 */
import { ParseFailure, parseFailures } from '../documents/index.ts'
import { askedWaitMs, ModelFailure } from '../embedders/port.ts'
import { removeChunks } from '../sql/chunks.ts'
import { recordFailure, releaseIngest } from '../sql/ingest.ts'
import { ClaimLost, logFile, writeFenced, type ClaimedFile, type IngestContext } from './claimed-file.ts'
import { embedChunks } from './embed-chunks.ts'
import { readFile } from './read-file.ts'

/** A file is not tried again after this many processes have ended while they worked on it. */
const maxRecoveries = 5
/** Failures without progress. With the pauses between them they take about two minutes. */
const maxFailures = 8
const firstPauseMs = 1000
const longestPauseMs = 30_000
/** A provider may ask for a pause of up to an hour. */
const longestAskedMs = 3_600_000

/** Runs one stage and releases the file. Never throws. */
export async function processFile(
  context: IngestContext,
  file: ClaimedFile,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (file.row.recoveries >= maxRecoveries) {
      throw parseFailures.internal(`${maxRecoveries} processes ended while they worked on the file`)
    }
    const { chunk_count } = file.row
    if (chunk_count === null) await readFile(context, file, signal)
    else if (await embedChunks(context, file, { chunk_count, signal })) return
    await releaseIngest(context.db, file.lease)
  } catch (error) {
    if (error instanceof ClaimLost) return
    try {
      if (signal.aborted) await releaseIngest(context.db, file.lease)
      else await retryOrFail(context, file, error)
    } catch (failure) {
      // The row keeps this worker's lease until the worker finds it without work and releases it.
      if (!(failure instanceof ClaimLost)) {
        logFile(context.log, 'warn', 'a file could not be released', { file, fields: { error: failure } })
      }
    }
  }
}

async function retryOrFail(context: IngestContext, file: ClaimedFile, error: unknown): Promise<void> {
  const { row, lease } = file
  const isFinal =
    error instanceof ParseFailure || (error instanceof ModelFailure && error.code === 'invalid_prompt')
  if (!isFinal && row.failures < maxFailures) {
    const askedMs = Math.min(askedWaitMs(error) ?? 0, longestAskedMs)
    const pause_ms = Math.max(askedMs, Math.min(longestPauseMs, firstPauseMs * 2 ** row.failures))
    logFile(context.log, 'warn', 'a file is tried again', { file, fields: { error, pause_ms } })
    await releaseIngest(context.db, lease, pause_ms)
    return
  }
  const { code, message, cause } = error instanceof ParseFailure ? error : parseFailures.internal(error)
  await writeFenced(context, file, { raises: true }, async (tx) => {
    await recordFailure(tx, row.seq, { code, message })
    await removeChunks(tx, row.vector_store_id, [row.seq])
  })
  const level = code === 'server_error' ? 'error' : 'info'
  logFile(context.log, level, 'file failed', { file, fields: { code, reason: message, error: cause } })
}
