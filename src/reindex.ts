/** `npm run reindex`: embeds all vector stores anew with the embedder that is configured now, and ends. */
import { setTimeout as wait } from 'node:timers/promises'
import { openHouse } from './app.ts'
import type { Config } from './config/config.ts'
import { beginReindex, filesToEmbed } from './ingest/reindex.ts'
import type { Clock } from './util/clock.ts'
import type { Log } from './util/log.ts'

const pollMs = 500

/** Works on files only: no requests, no runs. May be stopped at any time; servers and later calls go on. */
export async function reindex(
  config: Config,
  parts: { log: Log; clock: Clock; say: (line: string) => void },
): Promise<void> {
  const { say, ...others } = parts
  const house = await openHouse({ ...config, roles: new Set(['worker']), maxRuns: 0 }, others)
  try {
    const { retrieval } = house
    const stores = await beginReindex(retrieval)
    say(
      `${stores} vector ${stores === 1 ? 'store is' : 'stores are'} embedded anew with ${retrieval.embedder.id}.`,
    )
    let told = -1
    for (;;) {
      const files = await filesToEmbed(retrieval)
      if (files === 0) break
      if (files !== told) say(`${files} ${files === 1 ? 'file' : 'files'} to go.`)
      told = files
      await wait(pollMs)
    }
    say('Done.')
  } finally {
    await house.close()
  }
}
