/** Finds the contents of files that were imported without, by id or by name and size. */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import type { Context } from '../domain/context.ts'
import { holdContent, saveContent } from '../domain/save-content.ts'
import { parseFailures } from '../documents/index.ts'
import { addContent, filesWithoutContent, type MissingContent } from '../sql/imports.ts'
import type { ReportBuilder } from './report.ts'
import type { SourceFile } from './sources.ts'

const pageSize = 1000

/** `last_error` of a vector store file whose content is missing. */
export const missingContentError = parseFailures.notImported().message

type Filling = Pick<Context, 'blobs' | 'clock' | 'db'>

/** Local files by what can name them. */
export class ContentIndex {
  readonly #byKey = new Map<string, SourceFile>()

  constructor(files: readonly SourceFile[]) {
    for (const file of files) {
      const name = basename(file.name)
      // `file-abc`, `file-abc.pdf` and `file-abc/content` hold the content of file-abc.
      const parts = [name, name.replace(/\.\w+$/, ''), file.name.split('/').at(-2) ?? '']
      for (const part of parts) this.#byKey.set(`id ${part} ${file.bytes}`, file)
      this.#byKey.set(`name ${name} ${file.bytes}`, file)
    }
  }

  find({ id, filename, bytes }: MissingContent): SourceFile | undefined {
    return this.#byKey.get(`id ${id} ${bytes}`) ?? this.#byKey.get(`name ${basename(filename)} ${bytes}`)
  }
}

/** Fills all files of the project whose content is missing and can be found. */
export async function fillContents(
  context: Filling,
  { project, index, report }: { project: string; index: ContentIndex; report: ReportBuilder },
  signal: AbortSignal,
): Promise<void> {
  for (let after = ''; ;) {
    const page = await filesWithoutContent(context.db, project, { after, limit: pageSize })
    for (const file of page) {
      signal.throwIfAborted()
      const found = index.find(file)
      if (!found) {
        report.missing(file.id)
        continue
      }
      await fill(context, file, found)
      report.report.contents.imported += 1
    }
    const last = page.at(-1)
    if (!last || page.length < pageSize) return
    after = last.id
  }
}

async function fill(context: Filling, file: MissingContent, found: SourceFile): Promise<void> {
  const content = await saveContent(context, createReadStream(found.path), {})
  await context.db.transaction(async (tx) => {
    await holdContent(tx, content.sha256)
    await addContent(tx, { id: file.id, ...content }, missingContentError)
  })
}
