/** `reindex`: embeds all vector stores again with the configured embedder, and ends. */
import { setTimeout as wait } from 'node:timers/promises'
import { openApp } from '../app/app.ts'
import type { Config } from '../config/config.ts'
import { beginReindex, filesToEmbed } from '../ingest/reindex.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { requireDatabase } from './start-errors.ts'

const pollMs = 500

/**
 * Works on files only: answers no requests and executes no runs. It may be stopped at any time; a later call continues.
 */
export async function reindex(
  config: Config,
  { print, ...options }: { log: Log; clock: Clock; print: (line: string) => void },
): Promise<void> {
  requireDatabase(config)
  const app = await openApp(
    { ...config, roles: new Set(['worker']), maxRuns: 0 },
    { ...options, reindexes: true },
  )
  try {
    const { retrieval } = app
    const stores = await beginReindex(retrieval)
    const subject = stores === 1 ? '1 vector store is' : `${stores} vector stores are`
    print(`${subject} embedded again with ${retrieval.embedder.id}.`)
    let printed = -1
    for (;;) {
      const files = await filesToEmbed(retrieval)
      if (files === 0) break
      if (files !== printed) print(`${files} ${files === 1 ? 'file' : 'files'} left.`)
      printed = files
      await wait(pollMs)
    }
    print('Done.')
  } finally {
    await app.close()
  }
}
