/** POST /v1/import */
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { errors } from '../api/errors.ts'
import type { Context } from '../domain/context.ts'
import { ImportQuery, type ImportReport } from '../api/import-report.ts'
import { importObjects, type ImportOptions, type ImportProgress } from '../transfer/import.ts'
import { SourceRefused } from '../transfer/sources.ts'
import { plainFileName } from '../util/file-name.ts'
import { makeTemporaryFolder } from '../util/folder.ts'
import { readForm } from './forms.ts'
import { route } from './route.ts'
import { hangUpSignal, sendEvents } from './sse.ts'

/** How many times larger the content of a zip may be than the zip. */
const maxUnpacking = 20
const maxNameLength = 100

export const importRoutes = [
  route({
    method: 'POST',
    path: '/v1/import',
    id: 'importObjects',
    summary: 'Import saved objects',
    description:
      'Takes a saved export, or a zip of several files. Nothing is imported twice. With `stream=true` it answers events: `import.progress` and at last `import.report`.',
    isExtension: true,
    form: { file: 'file' },
    query: ImportQuery,
    answer: 'ImportReport',
    media: ['text/event-stream'],
    async handle({ server, context, project, query, reply }) {
      const { rules, keepAliveMs } = server
      const { maxFileBytes } = rules
      const folder = await makeTemporaryFolder('spool-import-')
      const signal = hangUpSignal(reply)
      try {
        const { stored: path } = await readForm(reply, {
          field: 'file',
          maxBytes: maxFileBytes,
          tooLarge: errors.fileTooLarge(maxFileBytes),
          async store({ bytes, filename }) {
            const name = plainFileName(filename ?? '')?.slice(-maxNameLength) ?? 'import'
            const target = join(folder, name.replaceAll(/[^\w.-]/g, '_'))
            await pipeline(bytes, limitedTo(maxFileBytes), createWriteStream(target, { mode: 0o600 }))
            return target
          },
        })
        const options: ImportOptions = {
          path,
          project,
          dryRun: query.dry_run === 'true',
          maxUnpackedBytes: maxFileBytes * maxUnpacking,
          signal,
        }
        if (query.stream === 'false') return await importFrom(context, options)
        const events = eventsOf((onProgress) => importFrom(context, { ...options, onProgress }))
        const isLast = (event: string) => event === 'import.report'
        await sendEvents(reply, events, { keepAliveMs, isLast, signal })
        return reply
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  }),
]

async function importFrom(
  context: Pick<Context, 'blobs' | 'clock' | 'db' | 'hints' | 'retrieval'>,
  options: ImportOptions,
): Promise<ImportReport> {
  try {
    return await importObjects({ ...context, embedder: context.retrieval.embedder.id }, options)
  } catch (error) {
    throw error instanceof SourceRefused ? errors.invalidForm(error.message) : error
  } finally {
    // Even after a failure, some files may have been imported.
    context.hints.send({ kind: 'ingest' })
  }
}

/** The progress of an import as events, and its report. A slow reader gets the newest progress only. */
async function* eventsOf(
  start: (onProgress: (progress: ImportProgress) => void) => Promise<ImportReport>,
): AsyncGenerator<{ event: string; data: string }[]> {
  let newest: ImportProgress | undefined
  let wake = () => {}
  const work = start((progress) => {
    newest = progress
    wake()
  })
  const end = work.catch(() => undefined).then(() => 'ended' as const)
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => (wake = resolve))
      if (newest === undefined && (await Promise.race([woken, end])) === 'ended') break
      if (newest !== undefined) yield [{ event: 'import.progress', data: JSON.stringify(newest) }]
      newest = undefined
    }
    yield [{ event: 'import.report', data: JSON.stringify(await work) }]
  } finally {
    // Wait for the import even if the reader has left: the caller removes its files next.
    await end
  }
}

function limitedTo(maxBytes: number) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > maxBytes) throw errors.fileTooLarge(maxBytes)
      yield chunk
    }
  }
}
