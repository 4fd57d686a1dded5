/**
 * Brings one file into a vector store, a stretch at a time: first it is read and cut into chunks, which are found by
 * words at once; then the chunks are embedded, group by group. What is done is in the database, so that whoever
 * claims the file next goes on from there.
 */
import { ModelFailure } from '../embedders/port.ts'
import { removeChunks } from '../sql/chunks.ts'
import { recordFailure, releaseIngest } from '../sql/ingest.ts'
import { cutIntoChunks } from './cut-into-chunks.ts'
import { embedChunks } from './embed-chunks.ts'
import { fenced, IngestLost, type IngestWork } from './ingest-work.ts'
import { ParseFailure, parseFailures } from '../documents/parse-failure.ts'
import type { Retrieval } from '../search/retrieval.ts'

/** A file that took this many processes down with it is not tried again. */
const mostTakeovers = 3
/** Failures of the embedder without a step forward; with the pauses between them about two minutes. */
const mostFailures = 8
const firstPauseMs = 1000
const longestPauseMs = 30_000

/** Does one stretch of work and lets go of the file; never throws. */
export async function ingestFile(retrieval: Retrieval, work: IngestWork, signal: AbortSignal): Promise<void> {
  try {
    if (work.row.takeovers > mostTakeovers) {
      throw parseFailures.internal('every process that began with the file died of it')
    }
    if (work.row.chunk_count === null) await cutIntoChunks(retrieval, work, signal)
    else await embedChunks(retrieval, work, { chunk_count: work.row.chunk_count, signal })
    await releaseIngest(retrieval.db, work.lease)
  } catch (error) {
    if (error instanceof IngestLost) return
    try {
      if (signal.aborted) await releaseIngest(retrieval.db, work.lease)
      else await giveUp(retrieval, work, error)
    } catch (failure) {
      // The row stays ours by name only, and is let go when the worker notices.
      if (!(failure instanceof IngestLost))
        retrieval.log('warn', 'a file could not be let go', told(work, failure))
    }
  }
}

async function giveUp(retrieval: Retrieval, work: IngestWork, error: unknown): Promise<void> {
  const { row, lease } = work
  const isFinal =
    error instanceof ParseFailure || (error instanceof ModelFailure && error.code === 'invalid_prompt')
  if (!isFinal && row.failures < mostFailures) {
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** row.failures)
    retrieval.log('warn', 'a file is tried again', { ...told(work, error), pause_ms: pauseMs })
    await releaseIngest(retrieval.db, lease, pauseMs)
    return
  }
  const failure = error instanceof ParseFailure ? error : parseFailures.internal(error)
  if (failure.code === 'server_error') {
    retrieval.log('error', 'a file could not be brought in', told(work, failure.cause ?? failure))
  }
  await fenced(retrieval, work, { raises: true }, async (tx) => {
    await recordFailure(tx, row.seq, { code: failure.code, message: failure.message })
    await removeChunks(tx, row.vector_store_id, [row.seq])
  })
}

function told({ row }: IngestWork, error: unknown): object {
  return { file_id: row.file_id, vector_store_id: row.vector_store_id, error }
}
