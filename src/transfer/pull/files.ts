/** Pulls files with their contents. When a content is refused, pulls the text that a vector store has. */
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isObject } from '../../util/is-object.ts'
import type { Fields } from '../records.ts'
import { Refusal } from './client.ts'
import type { PartResult } from './folder.ts'
import { forEachParallel, hasPlainId, pullPart, refusedIds, type Pulling } from './pulling.ts'
import { storesOfFiles } from './stores.ts'

/** Sorts the list newest first, as in an export: the lists of some services have no order. */
export async function pullFiles(pulling: Pulling): Promise<void> {
  const { client, folder } = pulling
  await pullPart(pulling, { part: 'files', what: 'the list of files' }, async () => {
    const files = (await client.all('/files', { limit: '1000' })).toSorted((a, b) => timeOf(b) - timeOf(a))
    await folder.writeJson('files.json', files)
    return { counts: { files: files.length }, refused: refusedIds(files) }
  })
  if (!folder.isDone('files')) return
  const stores = await storesOfFiles(pulling)
  const files = await readList(folder.path('files.json'))
  await forEachParallel(files.filter(hasPlainId), (file) =>
    pullContent(pulling, file, stores.get(file.id) ?? []),
  )
}

function timeOf({ created_at }: Fields): number {
  return typeof created_at === 'number' ? created_at : 0
}

/** Empty when the service refused the list. */
async function readList(path: string): Promise<Fields[]> {
  const text = await readFile(path, 'utf8').catch(() => '[]')
  return JSON.parse(text) as Fields[]
}

async function pullContent(pulling: Pulling, file: Fields & { id: string }, stores: string[]): Promise<void> {
  const { client, folder } = pulling
  const { id, bytes, filename } = file
  const [target, text] = [folder.path(`files/${id}`), folder.path(`texts/${id}.txt`)]
  await pullPart(pulling, { part: `files/${id}`, what: id }, async (): Promise<PartResult> => {
    const here = await stat(target).catch(() => undefined)
    // Contents never change, so a file of the right size is complete.
    if (here === undefined || here.size !== bytes) {
      const temporary = folder.temporary()
      try {
        await client.download(`/files/${id}/content`, temporary, bytes)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const found = await textOf(pulling, id, stores)
        if (found !== '') await writeFile(text, found)
        const reason = error.message
        const missing = [{ id, filename: String(filename), reason, has_text: found !== '' }]
        return { missing, ...(found !== '' && { counts: { texts: 1 } }) }
      }
      await rename(temporary, target)
      await rm(text, { force: true })
    }
    return { counts: { contents: 1 } }
  })
}

/** The text of a file, from the first vector store that has it; empty when none has. */
async function textOf({ client }: Pulling, id: string, stores: string[]): Promise<string> {
  for (const store of stores) {
    try {
      const { data, has_more } = await client.get(`/vector_stores/${store}/files/${id}/content`)
      const texts = (Array.isArray(data) ? data.filter(isObject) : []).flatMap(({ text }) =>
        typeof text === 'string' ? [text] : [],
      )
      // An incomplete text must not be imported as the whole text.
      if (has_more !== true && texts.some((one) => one.trim() !== '')) return texts.join('\n')
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
  }
  return ''
}
