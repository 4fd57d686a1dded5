/** Files and vector stores for tests. */
import { toFile } from 'openai'
import type { Database } from '../../src/database/database.ts'
import type { TestServer } from './server.ts'

/** Uploads a file with this name and content; returns its id. */
export async function uploadFile(
  { openai }: Pick<TestServer, 'openai'>,
  filename: string,
  content: string | Buffer,
): Promise<string> {
  const file = await openai.files.create({
    file: await toFile(Buffer.from(content), filename),
    purpose: 'assistants',
  })
  return file.id
}

/** A vector store with these files, all of them ingested. */
export async function storeOf(
  server: Pick<TestServer, 'openai'>,
  files: Record<string, string>,
): Promise<{ id: string; file_ids: string[] }> {
  const file_ids: string[] = []
  for (const [name, content] of Object.entries(files)) file_ids.push(await uploadFile(server, name, content))
  const store = await server.openai.vectorStores.create({})
  await server.openai.vectorStores.fileBatches.createAndPoll(store.id, { file_ids })
  return { id: store.id, file_ids }
}

/** Repeats the chunk of a small file in the rows of its store until the file has `count` chunks, too many for a search without segments. */
export async function repeatChunk(db: Database, file_id: string, count: number): Promise<void> {
  const [file] = await db.query<{ seq: string; vector_store_id: string }>({
    text: 'update vector_store_files set chunk_count = $2 where file_id = $1 returning seq, vector_store_id',
    values: [file_id, count],
  })
  await db.query({
    text: `insert into chunks (vector_store_id, store_file, position, text, start_at, end_at, terms)
           select vector_store_id, store_file, n, text, start_at, end_at, terms
           from chunks, generate_series(1, $3::int - 1) n where vector_store_id = $1 and store_file = $2`,
    values: [file?.vector_store_id, file?.seq, count],
  })
  await db.query({
    text: 'update vector_stores set version = version + 1 where id = $1',
    values: [file?.vector_store_id],
  })
}
