/**
 * Makes the segments of large stores in the background, one store at a time, so that searches need not read all rows. Also makes
 * those terms again that an earlier version has stored.
 */
import { makeSegments, notIn, segmentWriter, SegmentsChanged, stampsOf } from '../search/segments.ts'
import { renewingWordSource, vectorSegments, vectorSource, wordSegments } from '../search/store-sources.ts'
import type { WordSource } from '../search/word-source.ts'
import { makeVectorSegment } from '../search/vector-segments.ts'
import { makeWordSegment } from '../search/word-segments.ts'
import { claimSegments, releaseSegments, segmentChunks } from '../sql/index-segments.ts'
import { pollPause } from '../util/abort.ts'
import type { IngestContext } from './claimed-file.ts'

const pollMs = 2000
/** The pause after a failure. */
const pauseMs = 10_000

interface SegmentWork {
  context: Pick<IngestContext, 'db' | 'embedder' | 'log'>
  worker: string
  isConfirmed: () => boolean
  confirmed: (signal: AbortSignal) => Promise<void>
}

/** Repeats until the signal aborts. A store whose work ended early is claimed again, by any worker. */
export async function makeAllSegments(work: SegmentWork, signal: AbortSignal): Promise<void> {
  let waitMs = pollMs
  while (await pollPause(waitMs, signal)) {
    try {
      const isMade = work.isConfirmed() && (await makeNext(work, signal))
      waitMs = isMade ? 0 : pollMs
    } catch (error) {
      if (signal.aborted) return
      work.context.log('warn', 'segments of a vector store could not be made', { error })
      waitMs = pauseMs
    }
  }
}

/** Returns false when no store needs segments. */
async function makeNext({ context, worker, confirmed }: SegmentWork, signal: AbortSignal): Promise<boolean> {
  const { db, embedder, log } = context
  const store = await claimSegments(db, worker)
  if (!store) return false
  const { id, project } = store
  const claim = { vector_store_id: id, owner: worker }
  const startMs = performance.now()
  let isDone = false
  try {
    const options = { size: segmentChunks, confirm: () => confirmed(signal) }
    const source = renewingWordSource(db, id, signal)
    const words = await makeSegments(source, segmentWriter(db, claim, wordSegments), {
      ...options,
      make: makeWordSegment,
    })
    const { dimensions } = embedder
    const writer = segmentWriter(db, claim, vectorSegments(dimensions))
    const isOwn = store.embedder === embedder.id
    const vectors = isOwn
      ? await makeSegments(vectorSource(db, id, dimensions, signal), writer, {
          ...options,
          make: makeVectorSegment,
        })
      : 0
    await renewRest(source)
    isDone = true
    const duration_ms = Math.round(performance.now() - startMs)
    if (words + vectors > 0) {
      const fields = { project, vector_store_id: id, words, vectors, duration_ms }
      log('info', 'segments of a vector store are made', fields)
    }
  } catch (error) {
    // The store was removed, or another worker has claimed it.
    if (!(error instanceof SegmentsChanged)) throw error
  } finally {
    await releaseSegments(db, claim, !isDone)
  }
  return true
}

/** Reads all chunks that are in no segment, so that their terms are made again when an earlier version stored them. */
async function renewRest(source: WordSource): Promise<void> {
  const parts = await source.parts()
  const rest = notIn(await source.segments.list(), parts, stampsOf(parts))
  // Reading a page stores its new terms.
  for await (const page of source.terms(rest.map(({ part }) => part))) void page
}
