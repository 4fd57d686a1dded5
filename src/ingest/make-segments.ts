/** While a store grows, segments of its indexes are made, so that searches need not read all of its rows. */
import { makeSegments, segmentChunks } from '../search/segments.ts'
import { vectorSource, wordSource } from '../search/store-sources.ts'
import { addVectorSegment } from '../search/vector-lots.ts'
import { addWordSegment } from '../search/word-segments.ts'
import { countNewChunks } from '../sql/vector-stores.ts'
import { logFile, type ClaimedFile, type IngestContext } from './claimed-file.ts'

/** Call it after `chunks` of the file can be found. A failure is logged: then the next search makes the segments. */
export async function makeSegmentsOfStore(
  { db, embedder, log }: IngestContext,
  file: ClaimedFile,
  chunks: number,
): Promise<void> {
  const { vector_store_id } = file.row
  try {
    if (!(await countNewChunks(db, vector_store_id, { chunks, lot: segmentChunks }))) return
    await makeSegments(wordSource(db, vector_store_id), segmentChunks, addWordSegment)
    const vectors = vectorSource(db, vector_store_id, embedder.dimensions)
    await makeSegments(vectors, segmentChunks, addVectorSegment)
  } catch (error) {
    logFile(log, 'warn', 'no segments could be made of a vector store', { file, fields: { error } })
  }
}
