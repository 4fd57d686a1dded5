/** Finds the contents of files that were imported without content, by id or by name and size. */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import type { Context } from '../domain/context.ts'
import { holdContent, saveContent } from '../domain/save-content.ts'
import { parseFailures } from '../documents/index.ts'
import { releaseBlobs } from '../sql/blobs.ts'
import { addContent, addText, filesWithoutContent, type MissingContent } from '../sql/imports.ts'
import { nowSeconds } from '../util/clock.ts'
import type { ReportBuilder } from './report.ts'
import type { SourceFile } from './sources.ts'

const pageSize = 1000

/** `last_error` of a vector store file whose content is missing. */
export const missingContentError = parseFailures.notImported().message

type Filling = Pick<Context, 'blobs' | 'clock' | 'db'>

/** Local files by the ids, and by the names and sizes, that they may belong to. */
export class ContentIndex {
  readonly #byKey = new Map<string, SourceFile>()
  readonly #texts = new Map<string, SourceFile>()

  constructor(files: readonly SourceFile[]) {
    for (const file of files) {
      const name = basename(file.name)
      const [, textOf] = /(?:^|\/)texts\/([^/]+)\.txt$/.exec(file.name) ?? []
      if (textOf !== undefined) {
        for (const id of namesOf(textOf)) this.#texts.set(id, file)
        continue
      }
      // `file-abc`, `file-abc.pdf` and `file-abc/content` are contents of file-abc.
      const parts = [name, name.replace(/\.\w+$/, ''), file.name.split('/').at(-2) ?? '']
      for (const id of parts.flatMap(namesOf)) this.#byKey.set(`id ${id} ${file.bytes}`, file)
      this.#byKey.set(`name ${name} ${file.bytes}`, file)
    }
  }

  find({ id, filename, bytes }: MissingContent): SourceFile | undefined {
    return this.#byKey.get(`id ${id} ${bytes}`) ?? this.#byKey.get(`name ${basename(filename)} ${bytes}`)
  }

  /** Finds `texts/file-abc.txt`, the text of file-abc. It is used while the content is missing. */
  findText({ id }: { id: string }): SourceFile | undefined {
    return this.#texts.get(id)
  }
}

/** The name, and its decoded form: an export writes `file-a:1` as `file-a%3A1`. */
function namesOf(name: string): string[] {
  try {
    return [name, decodeURIComponent(name)]
  } catch {
    return [name]
  }
}

interface FillOptions {
  project: string
  index: ContentIndex
  report: ReportBuilder
  /** Whether to only report the files, and write nothing. */
  dryRun: boolean
  signal: AbortSignal
}

/** Adds the content to all files of the project whose content is missing and can be found. */
export async function fillContents(
  context: Filling,
  { project, index, report, dryRun, signal }: FillOptions,
): Promise<void> {
  for (let after = ''; ;) {
    const page = await filesWithoutContent(context.db, project, { after, limit: pageSize })
    for (const file of page) {
      signal.throwIfAborted()
      countContent(file, index, report)
      if (!dryRun) await fill(context, file, index)
    }
    const last = page.at(-1)
    if (!last || page.length < pageSize) return
    after = last.id
  }
}

/** Counts whether the index has the content, or the text, of a file without content. */
export function countContent(file: MissingContent, index: ContentIndex, report: ReportBuilder): void {
  if (index.find(file)) report.report.contents.imported += 1
  else report.missing(file.id, { hasText: file.text_sha256 !== null || index.findText(file) !== undefined })
}

async function fill(context: Filling, file: MissingContent, index: ContentIndex): Promise<void> {
  const content = index.find(file)
  if (content) return fillContent(context, file, content)
  const text = file.text_sha256 === null ? index.findText(file) : undefined
  if (text) await fillText(context, file, text)
}

async function fillContent(context: Filling, file: MissingContent, found: SourceFile): Promise<void> {
  const content = await saveContent(context, createReadStream(found.path), {})
  await context.db.transaction(async (tx) => {
    await holdContent(tx, content.sha256)
    await addContent(tx, { id: file.id, ...content }, missingContentError)
    if (file.text_sha256 !== null) await releaseBlobs(tx, [file.text_sha256], nowSeconds(context.clock))
  })
}

async function fillText(context: Filling, { id }: MissingContent, found: SourceFile): Promise<void> {
  const { sha256 } = await saveContent(context, createReadStream(found.path), {})
  await context.db.transaction(async (tx) => {
    await holdContent(tx, sha256)
    await addText(tx, { id, sha256 }, missingContentError)
  })
}
