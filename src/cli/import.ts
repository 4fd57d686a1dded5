/** `import`: reads saved objects into the database, whether a server runs on it or not. */
import type { ImportReport } from '../api/import-report.ts'
import type { Config } from '../config/config.ts'
import { importObjects, type ImportProgress } from '../transfer/import.ts'
import { kinds } from '../transfer/records.ts'
import { statSource } from '../transfer/sources.ts'
import { systemClock } from '../util/clock.ts'
import { prepareDataFolder } from '../util/folder.ts'
import type { Log } from '../util/log.ts'
import { embedderId, withAttached } from './attached.ts'
import type { CommandOptions } from './command-line.ts'
import { progressPrinter } from './progress.ts'

export interface Printing {
  log: Log
  print: (line: string) => void
  /** Prints progress to stderr, apart from the report. */
  printAside: (line: string) => void
}

/** Prints the report to stdout and the progress to stderr. */
export async function runImport(
  config: Config,
  { path, ...options }: CommandOptions & { path: string },
  { log, print, printAside }: Printing,
): Promise<void> {
  await statSource(path)
  await prepareDataFolder(config.dataDir)
  const stopped = new AbortController()
  process.once('SIGINT', () => stopped.abort(new Error('The import was stopped. Run it again to continue.')))
  const report = await withAttached(config, log, async ({ db, blobs }) =>
    importObjects(
      { db, blobs, embedder: await embedderId(config, db, log), clock: systemClock },
      {
        path,
        project: options.project ?? 'default',
        dryRun: options['dry-run'] ?? false,
        files: options.files,
        maxUnpackedBytes: Infinity,
        onProgress: progressPrinter(printAside, describeProgress),
        signal: stopped.signal,
      },
    ),
  )
  for (const line of describeReport(report)) print(line)
}

function describeProgress({ phase, done, total }: ImportProgress): string {
  const share = total ? ` of ${total} (${Math.floor((100 * done) / total)} %)` : ''
  return `${phase}: ${done}${share}`
}

function describeReport(report: ImportReport): string[] {
  const { dry_run, project, created_threads, reordered_threads, expired_runs, contents } = report
  const rows = kinds
    .map((kind) => ({ kind, ...report.kinds[kind] }))
    .filter(({ found }) => found > 0)
    .map(({ kind, found, imported, already_there, skipped }) => {
      const verb = dry_run ? 'to import' : 'imported'
      return `  ${kind.padEnd(18)} ${found} found, ${imported} ${verb}, ${already_there} already there, ${skipped} skipped`
    })
  const skipped = report.skipped.map(
    ({ kind, reason, count, examples }) => `  ${count} x ${kind}: ${reason} (${examples.join(', ')})`,
  )
  const dropped = Object.entries(report.dropped_fields).map(([field, count]) => `  ${count} x ${field}`)
  const list = (title: string, lines: string[]) => (lines.length > 0 ? [title, ...lines] : [])
  return [
    `${dry_run ? 'Nothing was written (dry run). ' : ''}Project '${project}':`,
    ...(rows.length > 0 ? rows : ['  Nothing was found that can be imported.']),
    ...list('Skipped:', skipped),
    ...list('Fields that the API does not have, left out:', dropped),
    ...(created_threads > 0
      ? [`${created_threads} threads have no thread object: they are created from their messages.`]
      : []),
    ...(reordered_threads > 0 ? [`${reordered_threads} threads were put in order.`] : []),
    ...(expired_runs > 0 ? [`${expired_runs} runs were active in the export; they are expired.`] : []),
    ...(contents.imported > 0 ? [`${contents.imported} files get their content.`] : []),
    ...(contents.missing > 0
      ? [
          `${contents.missing} files have no content, for example ${contents.missing_examples.join(', ')}. Run the import again with --files FOLDER to add it.`,
        ]
      : []),
    ...(contents.texts > 0 ? [`${contents.texts} of them have a text that vector stores search.`] : []),
  ]
}
