import { expect, test, vi } from 'vitest'
import { segmentChunks } from '../../src/search/segments.ts'
import { testServer } from '../harness/server.ts'
import { uploadFile } from '../harness/vector-stores.ts'

test('ingest makes a segment of words when a store has enough chunks, before any search', async () => {
  const server = await testServer({ scriptedEmbedder: true })
  const { id } = await server.openai.vectorStores.create({})
  await server.db.query({
    text: `with file as (
             insert into vector_store_files (project, vector_store_id, file_id, created_at, status, chunking_strategy,
                                             attributes, chunk_count)
             select project, id, 'file-large', 1, 'cancelled', '{"type":"other"}', '{}', $2
             from vector_stores where id = $1 returning seq
           )
           insert into chunks (vector_store_id, store_file, position, text, start_at, end_at, terms)
           select $1, file.seq, p, 'text', 0, 4, '\\x02656e0102030401' from file, generate_series(0, $2::int - 1) p`,
    values: [id, segmentChunks],
  })
  await server.db.query({
    text: `update vector_store_files set status = 'completed' where vector_store_id = $1`,
    values: [id],
  })
  await server.db.query({
    text: 'update vector_stores set new_chunks = $2 where id = $1',
    values: [id, segmentChunks - 1],
  })
  const file_id = await uploadFile(server, 'a.txt', 'one more chunk')
  await server.openai.vectorStores.files.create(id, { file_id })
  await vi.waitFor(
    async () => {
      const segments = await server.db.query({
        text: `select s.kind, count(*) as pages from index_segments s join index_pages p on p.segment = s.id
               where s.kind = 'words' group by s.id, s.kind`,
      })
      expect(segments).toEqual([{ kind: 'words', pages: 257 }])
    },
    { timeout: 60_000, interval: 100 },
  )
  await server.close()
})
