/** Vector stores, the files in them, and search. */
import assert from 'node:assert/strict'
import type OpenAI from 'openai'
import { textFile } from './make.ts'
import type { Chapters } from './story.ts'

const tides = 'The tide in the harbour of Saint-Malo rises by twelve metres.'
const bread = 'Rye bread is baked with sourdough for two hours.'

export const vectorStores: Chapters = {
  'vector-stores': async ({ openai, calls }) => {
    const stores = openai.vectorStores
    const made = await stores.create({ name: 'Shelf', metadata: { team: 'compat' } })
    assert.match(made.id, /^vs_/)
    assert.equal(made.status, 'completed')
    assert.deepEqual(await stores.retrieve(made.id), made)
    const changed = await stores.update(made.id, {
      name: 'Board',
      expires_after: { anchor: 'last_active_at', days: 3 },
    })
    assert.deepEqual([changed.name, changed.expires_after?.days], ['Board', 3])
    const second = await stores.create({})
    const listed: string[] = []
    for await (const store of stores.list({ limit: 1, order: 'asc' })) listed.push(store.id)
    assert.deepEqual(listed.slice(-2), [made.id, second.id])
    assert.equal((await calls.deleteStore(second.id)).deleted, true)
    assert.equal((await calls.deleteStore(made.id)).deleted, true)
    await assert.rejects(stores.retrieve(made.id), { status: 404 })
  },

  'store-files': async ({ openai, calls }) => {
    const { files } = openai.vectorStores
    const store = (await openai.vectorStores.create({})).id
    const upload = async (text: string) =>
      (await openai.files.create({ file: await textFile('words.txt', text), purpose: 'assistants' })).id

    const polled = await files.uploadAndPoll(store, await textFile('tides.txt', tides))
    assert.deepEqual([polled.status, polled.last_error], ['completed', null])
    const created = await files.createAndPoll(store, { file_id: await upload(bread) })
    assert.equal(created.status, 'completed')
    const begun = await files.upload(store, await textFile('more.txt', 'More words.'))
    assert.equal((await files.poll(store, begun.id)).status, 'completed')
    const plain = await files.create(store, {
      file_id: await upload('Even more.'),
      attributes: { year: 2020 },
    })
    assert.equal((await files.poll(store, plain.id, { pollIntervalMs: 50 })).status, 'completed')

    assert.equal((await calls.retrieveStoreFile(store, plain.id)).attributes?.year, 2020)
    const changed = await calls.updateStoreFile(store, plain.id, { attributes: { year: 2021, of: 'words' } })
    assert.deepEqual({ ...changed.attributes }, { year: 2021, of: 'words' })
    const listed: string[] = []
    for await (const file of files.list(store, { limit: 3, filter: 'completed' })) listed.push(file.id)
    assert.deepEqual(listed, [plain.id, begun.id, created.id, polled.id])
    const { data } = await calls.storeFileContent(store, polled.id)
    assert.equal(data[0]?.text, tides)
    assert.equal((await calls.deleteStoreFile(store, created.id)).deleted, true)
    assert.equal((await openai.vectorStores.retrieve(store)).file_counts.total, 3)
    assert.equal((await openai.files.retrieve(created.id)).id, created.id)
    const odd = await openai.files.create({ file: await textFile('x.zip', 'zip'), purpose: 'assistants' })
    await assert.rejects(files.create(store, { file_id: odd.id }), { status: 400, code: 'unsupported_file' })
    await calls.deleteStore(store)
  },

  'file-batches': async ({ openai, calls }) => {
    const { fileBatches } = openai.vectorStores
    const store = (await openai.vectorStores.create({})).id
    const files = [await textFile('tides.txt', tides), await textFile('bread.txt', bread)]
    const polled = await fileBatches.uploadAndPoll(store, { files })
    assert.equal(polled.status, 'completed')
    assert.deepEqual({ ...polled.file_counts }, counts({ completed: 2 }))
    const ids: string[] = []
    for await (const file of calls.listBatchFiles(store, polled.id)) ids.push(file.id)
    assert.equal(ids.length, 2)
    assert.deepEqual(await calls.retrieveBatch(store, polled.id), polled)
    const again = await fileBatches.createAndPoll(store, { file_ids: ids })
    assert.equal(again.status, 'completed')
    const begun = await fileBatches.create(store, { file_ids: ids })
    assert.equal((await fileBatches.poll(store, begun.id)).status, 'completed')
    assert.equal((await calls.cancelBatch(store, begun.id)).status, 'completed')
    await calls.deleteStore(store)
  },

  search: async ({ openai, calls }) => {
    const store = (await openai.vectorStores.create({})).id
    const batch = await openai.vectorStores.fileBatches.uploadAndPoll(store, {
      files: [await textFile('tides.txt', tides), await textFile('bread.txt', bread)],
    })
    assert.equal(batch.file_counts.completed, 2)
    const found: OpenAI.VectorStoreSearchResponse[] = []
    for await (const one of openai.vectorStores.search(store, { query: 'How high is the tide?' }))
      found.push(one)
    const [best] = found
    assert.equal(best?.filename, 'tides.txt')
    assert.deepEqual(
      best.content.map((part) => ({ ...part })),
      [{ type: 'text', text: tides }],
    )
    assert.ok(best.score > 0)
    await calls.updateStoreFile(store, best.file_id, { attributes: { topic: 'sea' } })
    const filters = { type: 'ne', key: 'topic', value: 'sea' } as const
    const other = await openai.vectorStores.search(store, { query: ['tide', 'harbour'], filters })
    assert.ok(other.data.every(({ filename }) => filename === 'bread.txt'))
    await calls.deleteStore(store)
  },
}

function counts(some: object): object {
  return { in_progress: 0, failed: 0, cancelled: 0, total: 2, ...some }
}
