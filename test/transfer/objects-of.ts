/** The objects of a server, as a client sees them. */
import { expect } from 'vitest'
import type { TestServer } from '../harness/server.ts'

/** Reads all lists of a server. */
export async function objectsOf(server: TestServer): Promise<Record<string, unknown>> {
  const objects: Record<string, unknown> = {}
  const note = async (path: string, query = '') => {
    const { status, body } = await server.request('GET', `${path}?limit=100${query}`)
    expect([path, status]).toEqual([path, 200])
    objects[path] = body.data
    return body.data as { id: string; vector_store_id: string }[]
  }
  await note('/assistants')
  for (const { id } of await note('/threads')) {
    await note(`/threads/${id}/messages`)
    for (const { id: run_id } of await note(`/threads/${id}/runs`)) {
      const include = '&include[]=step_details.tool_calls[*].file_search.results[*].content'
      await note(`/threads/${id}/runs/${run_id}/steps`, include)
    }
  }
  for (const { id } of await note('/vector_stores')) {
    for (const one of await note(`/vector_stores/${id}/files`)) {
      await server.openai.vectorStores.files.poll(id, one.id, { pollIntervalMs: 20 })
    }
    await note(`/vector_stores/${id}/files`)
  }
  await note('/vector_stores')
  for (const { id } of await note('/files')) {
    objects[`content of ${id}`] = (await server.request('GET', `/files/${id}/content`)).body
  }
  return objects
}
