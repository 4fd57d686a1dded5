/** Pulls threads with everything in them, and conversations with their items. */
import { includeResultContent } from '../../api/run-steps.ts'
import type { Fields } from '../records.ts'
import { Refusal } from './client.ts'
import type { Reason } from './folder.ts'
import { forEachParallel, hasPlainId, pullPart, refusedIds, type Pulling } from './pulling.ts'

const oldestFirst = { order: 'asc' }
const withResults = { ...oldestFirst, 'include[]': includeResultContent }
/** Without this `include`, images of messages have no address. */
const withImages = { ...oldestFirst, 'include[]': 'message.input_image.image_url' }

/** Pulls all threads that the service lists. */
export async function pullListedThreads(pulling: Pulling): Promise<void> {
  const list = { part: 'threads', what: 'the list of threads', hasParts: true }
  await pullPart(pulling, list, async () => {
    const refused: Reason[] = []
    let position = 0
    for await (const page of pulling.client.pages('/threads', oldestFirst)) {
      const placed = page.filter(hasPlainId).map((thread, index) => ({ thread, position: position + index }))
      await forEachParallel(placed, ({ thread, position: at }) => pullThread(pulling, thread, at))
      position += page.length
      refused.push(...refusedIds(page))
    }
    return { refused }
  })
}

/** Pulls threads and conversations of services that do not list them. */
export async function pullByIds(pulling: Pulling, ids: Iterable<string>): Promise<void> {
  await forEachParallel(ids, (id) =>
    id.startsWith('conv_') ? pullConversation(pulling, id) : pullThread(pulling, { id }),
  )
}

/** `given` is the thread, or only its id. `position` is its place among all threads, oldest first. */
async function pullThread(pulling: Pulling, given: { id: string }, position?: number): Promise<void> {
  const { client, folder } = pulling
  const { id } = given
  const path = `/threads/${id}`
  await pullPart(pulling, { part: `threads/${id}`, what: id }, async () => {
    const thread = 'object' in given ? given : await client.get(path)
    const errors: object[] = []
    const list = (of: string, query: Record<string, string>) =>
      client.all(`${path}/${of}`, query).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error
        errors.push({ object: of, id, error: error.status, detail: error.message })
        return [] as Fields[]
      })
    const messages = await list('messages', oldestFirst)
    const runs: (Fields & { steps: Fields[] })[] = []
    const listed = await list('runs', oldestFirst)
    for (const run of listed.filter(hasPlainId)) {
      runs.push({ ...run, steps: await list(`runs/${run.id}/steps`, withResults) })
    }
    for (const { what, reason } of refusedIds(listed))
      errors.push({ object: 'run', id: what, detail: reason })
    await folder.writeJson(`threads/${id}.json`, {
      export_schema: 'assistants-thread-export/v1',
      thread_id: id,
      exported_at: pulling.exportedAt,
      thread,
      messages,
      runs,
      files: {},
      errors,
      ...(position !== undefined && { spool: { thread: { position, order: [] } } }),
    })
    const steps = runs.reduce((sum, run) => sum + run.steps.length, 0)
    const refused = errors.length > 0 ? [{ what: id, reason: JSON.stringify(errors) }] : []
    return { counts: { threads: 1, messages: messages.length, runs: runs.length, steps }, refused }
  })
}

async function pullConversation(pulling: Pulling, id: string): Promise<void> {
  const { client, folder } = pulling
  const path = `/conversations/${id}`
  await pullPart(pulling, { part: `conversations/${id}`, what: id }, async () => {
    const conversation = await client.get(path)
    const items = await client.all(`${path}/items`, withImages)
    await folder.writeJson(`conversations/${id}.json`, { ...conversation, items })
    return { counts: { conversations: 1 } }
  })
}
