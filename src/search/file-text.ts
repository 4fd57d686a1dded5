/** The text that was found in a file, put together again from its overlapping chunks. */
import { chunksOfFile, type ChunkRow, type FilePlace } from '../sql/chunks.ts'
import type { Queryable } from '../database/database.ts'

const pageSize = 100

/** In pieces, in order. White space between chunks is not kept; a line break stands for it. */
export async function* fileText(db: Queryable, place: FilePlace): AsyncGenerator<string> {
  for await (const { text } of textsOnce(db, place)) yield text
}

/** The chunks of a file in order, each with the part of its text that the chunks before it do not have. */
export async function* textsOnce(
  db: Queryable,
  place: FilePlace,
): AsyncGenerator<{ chunk: ChunkRow; text: string }> {
  let end = 0
  for (let from = 0; ; from += pageSize) {
    const chunks = await chunksOfFile(db, place, { from, limit: pageSize })
    for (const chunk of chunks) {
      const gap = chunk.position > 0 && chunk.start_at > end ? '\n' : ''
      yield { chunk, text: gap + chunk.text.slice(Math.max(0, end - chunk.start_at)) }
      end = Math.max(end, chunk.end_at)
    }
    if (chunks.length < pageSize) return
  }
}
