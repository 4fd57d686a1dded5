/** `export`: writes the objects of a project, or of one thread, into a new folder. */
import type { Config } from '../config/config.ts'
import { exportObjects, type ExportCounts } from '../transfer/export.ts'
import { nowSeconds, systemClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { withAttached } from './attached.ts'
import { UsageError, type CommandOptions } from './command-line.ts'
import { progressPrinter } from './progress.ts'
import { requireDatabase } from './start-errors.ts'

export async function runExport(
  config: Config,
  { folder, ...options }: CommandOptions & { folder: string },
  { log, printAside }: { log: Log; printAside: (line: string) => void },
): Promise<void> {
  const { format = 'assistants', project = 'default', thread } = options
  if (format !== 'assistants' && format !== 'conversations') {
    throw new UsageError(`There is no format '${format}': write assistants or conversations.`)
  }
  requireDatabase(config)
  const counts = await withAttached(config, log, ({ db, blobs }) =>
    exportObjects(
      { db, blobs },
      {
        folder,
        project,
        thread,
        format,
        exportedAt: new Date(systemClock.nowMs()).toISOString(),
        now: nowSeconds(systemClock),
        onProgress: progressPrinter(printAside, (soFar: ExportCounts) => `${describe(soFar)} so far`),
      },
    ),
  )
  printAside(`Exported: ${describe(counts)}.`)
  const { missing_contents, calls_left_out } = counts
  if (missing_contents > 0) printAside(`${missing_contents} files have no content on this server.`)
  if (calls_left_out > 0) {
    printAside(`${calls_left_out} calls of built-in tools were left out: conversations cannot contain them.`)
  }
}

function describe({ assistants, threads, messages, runs, files, vector_stores }: ExportCounts): string {
  return `${assistants} assistants, ${threads} threads, ${messages} messages, ${runs} runs, ${files} files and ${vector_stores} vector stores`
}
