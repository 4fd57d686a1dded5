/** `pull`: reads the objects of another service into a folder, and imports the folder. */
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { endpointOf, pullSources, type Endpoint, type PullSource } from '../transfer/pull/endpoint.ts'
import { pullKinds, type PullCounts, type PullReport } from '../transfer/pull/folder.ts'
import { pullObjects } from '../transfer/pull/pull.ts'
import { systemClock } from '../util/clock.ts'
import { UsageError, type CommandOptions } from './command-line.ts'
import { runImport, type Printing } from './import.ts'
import { progressPrinter } from './progress.ts'

const maxExamples = 5
/** Shorter waits are not printed. */
const longWaitMs = 2_000

/** Resolves with true when all objects of the service were pulled. */
export async function runPull(config: Config, options: CommandOptions, printing: Printing): Promise<boolean> {
  const endpoint = endpointFor(config, options)
  const { project = 'default', to, ids, files } = options
  if (to !== undefined && files !== undefined) {
    throw new UsageError('--files belongs to an import, which a pull with --to does not do.')
  }
  const { hostname, port } = new URL(endpoint.url)
  const name = [endpoint.from, hostname, port, project].filter((part) => part !== '').join('-')
  const folder = to ?? join(config.dataDir, 'pulls', name.replaceAll(/[^\w.-]/g, '_'))
  const { print, printAside } = printing
  const stopped = new AbortController()
  process.once('SIGINT', () => stopped.abort(new Error('The pull was stopped. Run it again to continue.')))
  const report = await pullObjects({
    endpoint,
    folder,
    ids,
    exportedAt: new Date(systemClock.nowMs()).toISOString(),
    onProgress: progressPrinter(printAside, (counts: PullCounts) => `pulled so far: ${describe(counts)}`),
    onWait(ms, why) {
      if (ms >= longWaitMs) printAside(`waiting ${(ms / 1000).toFixed(0)} s: ${why}`)
    },
    signal: stopped.signal,
  })
  for (const line of describeReport(report)) print(line)
  if (to === undefined) await runImport(config, { path: folder, ...(files && { files }), project }, printing)
  return report.failed.length === 0
}

function endpointFor({ pullKeys }: Config, options: CommandOptions): Endpoint {
  const { from, url, key, token, 'api-version': apiVersion } = options
  if (from === undefined) throw new UsageError("The command 'pull' needs --from openai, azure or spool.")
  if (!isSource(from)) throw new UsageError(`There is no service '${from}': write openai, azure or spool.`)
  if (from !== 'azure' && (token ?? apiVersion) !== undefined) {
    throw new UsageError('--token and --api-version belong to --from azure.')
  }
  // The command line wins over all variables.
  const isGiven = (key ?? token) !== undefined
  return endpointOf({
    from,
    url,
    key: isGiven ? key : pullKeys[from],
    token: isGiven || from !== 'azure' ? token : pullKeys.azureToken,
    apiVersion,
  })
}

function isSource(name: string): name is PullSource {
  return pullSources.some((one) => one === name)
}

function describe(counts: PullCounts): string {
  const parts = pullKinds.flatMap((kind) =>
    counts[kind] ? `${counts[kind]} ${kind.replaceAll('_', ' ')}` : [],
  )
  return parts.length > 0 ? parts.join(', ') : 'nothing'
}

/** The lines of the report. Long lists are cut; the manifest has them in full. */
function describeReport({ folder, counts, gone, refused, failed, missing }: PullReport): string[] {
  const list = (title: string, lines: string[]) =>
    lines.length > 0
      ? [
          `${title}:`,
          ...lines.slice(0, maxExamples).map((line) => `  ${line}`),
          ...(lines.length > maxExamples
            ? [`  and ${lines.length - maxExamples} more in manifest.json`]
            : []),
        ]
      : []
  const withReason = ({ what, reason }: { what: string; reason: string }) => `${what}: ${reason}`
  return [
    `Pulled into ${folder}: ${describe(counts)}.`,
    ...list('The service does not have', gone),
    ...list('The service refused', refused.map(withReason)),
    ...list(
      'Files without content',
      missing.map(
        ({ id, filename, reason, has_text }) =>
          `${id} ${filename}: ${has_text ? 'its text was pulled; ' : ''}${reason}`,
      ),
    ),
    ...list('The service failed; run the pull again for', failed.map(withReason)),
  ]
}
