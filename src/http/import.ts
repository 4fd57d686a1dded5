/** POST /v1/import */
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { errors } from '../api/errors.ts'
import { ImportQuery } from '../api/import-report.ts'
import { importObjects } from '../transfer/import.ts'
import { SourceRefused } from '../transfer/sources.ts'
import { plainFileName } from '../util/file-name.ts'
import { readForm } from './forms.ts'
import { route } from './route.ts'

/** How many times its own size a zip may hold. */
const maxUnpacking = 20
const maxNameLength = 100

export const importRoutes = [
  route({
    method: 'POST',
    path: '/v1/import',
    id: 'importObjects',
    summary: 'Import saved objects',
    description: 'Takes a saved export, or a zip of several files. Nothing is imported twice.',
    isExtension: true,
    form: { file: 'file' },
    query: ImportQuery,
    answer: 'ImportReport',
    async handle({ server, context, project, query, reply }) {
      const { maxFileBytes } = server.rules
      const folder = await mkdtemp(join(tmpdir(), 'spool-import-'))
      const closed = new AbortController()
      reply.raw.once('close', () => closed.abort(new Error('the client has closed the connection')))
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
        const report = await importObjects(
          { ...context, embedder: context.retrieval.embedder.id },
          {
            path,
            project,
            dryRun: query.dry_run === 'true',
            maxUnpackedBytes: maxFileBytes * maxUnpacking,
            signal: closed.signal,
          },
        )
        context.hints.send({ kind: 'ingest' })
        return report
      } catch (error) {
        throw error instanceof SourceRefused ? errors.invalidForm(error.message) : error
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  }),
]

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
