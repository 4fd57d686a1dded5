/** Reads the objects of another service into a folder for `import`. It can be stopped and run again. */
import { readFile } from 'node:fs/promises'
import { PullClient } from './client.ts'
import { PullStopped, type Endpoint } from './endpoint.ts'
import { pullFiles } from './files.ts'
import { PullFolder, type PullCounts, type PullReport } from './folder.ts'
import { pullPart, type Pulling } from './pulling.ts'
import { pullVectorStores } from './stores.ts'
import { pullByIds, pullListedThreads } from './threads.ts'

export interface PullOptions {
  endpoint: Endpoint
  folder: string
  /** A file with ids of threads and conversations. */
  ids?: string | undefined
  /** ISO 8601. */
  exportedAt: string
  onProgress: (counts: PullCounts) => void
  /** Called before the wait of `ms` for a retry. */
  onWait: (ms: number, why: string) => void
  signal: AbortSignal
}

/**
 * The report names objects that the service refuses or no longer has. Throws `PullStopped`, and the signal's reason;
 * the next pull into the folder then continues.
 */
export async function pullObjects(options: PullOptions): Promise<PullReport> {
  const { endpoint, exportedAt, onProgress } = options
  const ids = options.ids === undefined ? [] : await readIds(options.ids)
  const folder = await PullFolder.open(options.folder, endpoint, exportedAt)
  const client = new PullClient(endpoint, options)
  const pulling: Pulling = { client, folder, exportedAt, onProgress: () => onProgress(folder.report.counts) }
  await pullAssistants(pulling)
  if (endpoint.listsThreads) await pullListedThreads(pulling)
  await pullByIds(pulling, ids)
  await pullVectorStores(pulling)
  await pullFiles(pulling)
  await folder.end()
  return folder.report
}

async function pullAssistants(pulling: Pulling): Promise<void> {
  const { client, folder } = pulling
  await pullPart(pulling, { part: 'assistants', what: 'the list of assistants' }, async () => {
    const assistants = await client.all('/assistants')
    await folder.writeJson('assistants.json', assistants)
    return { counts: { assistants: assistants.length } }
  })
}

/** Finds ids at any place in a text file: one per line, in a table, in a log. */
async function readIds(path: string): Promise<Set<string>> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) throw new PullStopped(`There is no file ${path}.`)
  const ids = new Set(text.match(/\b(?:conv|thread)_[A-Za-z0-9_-]+/g))
  if (ids.size === 0) throw new PullStopped(`The file ${path} has no ids of threads or conversations.`)
  return ids
}
