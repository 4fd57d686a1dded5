/** Reads every object that the API shows, with what belongs to it. */

type Item = Record<string, unknown> & { id: string }

/** Address -> what a GET of it answers; contents of files as text. */
export type Everything = Record<string, unknown>

/** `base` ends with `/v1`; `more` are addresses that no list leads to. Throws for an answer that is an error. */
export async function readAll(base: string, more: readonly string[] = []): Promise<Everything> {
  const found: Everything = {}
  const get = async (path: string): Promise<string> => {
    const response = await fetch(base + path, {
      headers: { authorization: 'Bearer any-key', 'openai-beta': 'assistants=v2' },
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${text}`)
    return text
  }
  const read = async (path: string) => (found[path] = JSON.parse(await get(path)) as unknown)
  /** Every page of a list, and each object of it by itself. */
  const list = async (path: string): Promise<Item[]> => {
    const items: Item[] = []
    for (let after = ''; ;) {
      const page = JSON.parse(await get(`${path}?limit=3${after && `&after=${after}`}`)) as {
        data: Item[]
        has_more: boolean
      }
      items.push(...page.data)
      after = page.data.at(-1)?.id ?? ''
      if (!page.has_more) break
    }
    found[path] = items.map(({ id }) => id)
    for (const { id } of items) await read(`${path}/${id}`)
    return items
  }

  await list('/assistants')
  for (const { id, purpose } of await list('/files'))
    if (purpose !== 'user_data') found[`/files/${id}/content`] = await get(`/files/${id}/content`)
  for (const { id } of await list('/threads')) {
    await list(`/threads/${id}/messages`)
    for (const run of await list(`/threads/${id}/runs`)) {
      await list(`/threads/${id}/runs/${run.id}/steps`)
      // The log of a run that waits does not end.
      if (run.status !== 'requires_action')
        found[`/threads/${id}/runs/${run.id}/events`] = await get(`/threads/${id}/runs/${run.id}/events`)
    }
  }
  for (const { id } of await list('/vector_stores')) {
    for (const file of await list(`/vector_stores/${id}/files`)) {
      if (file.status === 'completed') await read(`/vector_stores/${id}/files/${file.id}/content`)
    }
  }
  for (const path of more) await read(path)
  return found
}
