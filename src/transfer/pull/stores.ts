/** Pulls vector stores with their files. */
import { readdir, readFile, rename } from 'node:fs/promises'
import type { Fields } from '../records.ts'
import { writeArray } from '../write-array.ts'
import { Refusal } from './client.ts'
import type { PullFolder, Reason } from './folder.ts'
import { forEachParallel, hasPlainId, pullPart, refusedIds, type Pulling } from './pulling.ts'

interface StoreWithFiles extends Fields {
  files: Fields[]
}

const parts = '.pull/stores'

/** The list is newest first, as in an export. */
export async function pullVectorStores(pulling: Pulling): Promise<void> {
  const { client, folder } = pulling
  const list = { part: 'vector_stores', what: 'the list of vector stores', hasParts: true }
  await pullPart(pulling, list, async () => {
    const ids: string[] = []
    const refused: Reason[] = []
    for await (const page of client.pages('/vector_stores')) {
      const stores = page.filter(hasPlainId)
      ids.push(...stores.map(({ id }) => id))
      refused.push(...refusedIds(page))
      await forEachParallel(stores, (store) => pullStore(pulling, store))
    }
    // Leaves out stores whose requests failed.
    const complete = ids.filter((id) => folder.isDone(`${parts}/${id}`))
    await writeList(pulling, complete)
    return { refused }
  })
}

async function pullStore(pulling: Pulling, store: Fields & { id: string }): Promise<void> {
  const { id } = store
  const { client, folder } = pulling
  await pullPart(pulling, { part: `${parts}/${id}`, what: id }, async () => {
    const refused: Reason[] = []
    const files = await client.all(`/vector_stores/${id}/files`).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
      refused.push({ what: `the files of ${id}`, reason: error.message })
      return []
    })
    await folder.writeJson(`${parts}/${id}.json`, { ...store, files } satisfies StoreWithFiles)
    return { refused, counts: { vector_stores: 1, vector_store_files: files.length } }
  })
}

async function writeList({ folder }: Pulling, ids: readonly string[]): Promise<void> {
  const temporary = folder.temporary()
  await writeArray(temporary, storesIn(folder, ids))
  await rename(temporary, folder.path('vector_stores.json'))
}

async function* storesIn(folder: PullFolder, ids: readonly string[]): AsyncGenerator<StoreWithFiles> {
  for (const id of ids) yield await readStore(folder.path(`${parts}/${id}.json`))
}

async function readStore(path: string): Promise<StoreWithFiles> {
  return JSON.parse(await readFile(path, 'utf8')) as StoreWithFiles
}

/** The vector stores that have processed each file: file id -> store ids. */
export async function storesOfFiles({ folder }: Pulling): Promise<Map<string, string[]>> {
  const stores = new Map<string, string[]>()
  for (const name of await readdir(folder.path(parts))) {
    const { id, files } = await readStore(folder.path(`${parts}/${name}`))
    for (const file of files) {
      if (file['status'] !== 'completed' || typeof file['id'] !== 'string') continue
      stores.set(file['id'], [...(stores.get(file['id']) ?? []), String(id)])
    }
  }
  return stores
}
