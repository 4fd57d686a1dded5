/** Files and vector stores for tests. */
import { toFile } from 'openai'
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
