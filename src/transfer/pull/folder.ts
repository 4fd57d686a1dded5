/**
 * The folder that a pull fills, in the layout of `export`. `manifest.json` names the source and the missing objects.
 * `.pull` exists until the pull is complete. Its journal has a line for each complete part.
 */
import { appendFile, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { prepareFolder } from '../../util/folder.ts'
import { isObject } from '../../util/is-object.ts'
import type { Fields } from '../records.ts'
import { PullStopped, type Endpoint } from './endpoint.ts'

export const pullKinds = [
  'assistants',
  'threads',
  'messages',
  'runs',
  'steps',
  'conversations',
  'vector_stores',
  'vector_store_files',
  'files',
  /** Files whose content was downloaded. */
  'contents',
  /** Files without content whose text a vector store has. */
  'texts',
] as const
export type PullCounts = Partial<Record<(typeof pullKinds)[number], number>>

export interface Reason {
  /** An id, or the name of a list. */
  what: string
  reason: string
}

/** The result of a complete part of a pull. */
export interface PartResult {
  counts?: PullCounts
  /** Ids that the service does not have any more. */
  gone?: string[]
  /** Objects and lists that the service refused. */
  refused?: Reason[]
  /** Files without content. */
  missing?: { id: string; filename: string; reason: string; has_text: boolean }[]
}

/** The results of all parts so far. */
export interface PullReport extends Required<PartResult> {
  folder: string
  /** Requests that failed this time. The next pull sends them again. */
  failed: Reason[]
}

const journal = '.pull/journal.ndjson'

export class PullFolder {
  readonly report: PullReport
  readonly #endpoint: Endpoint
  readonly #exportedAt: string
  readonly #done = new Set<string>()
  #temporary = 0

  private constructor(folder: string, endpoint: Endpoint, exportedAt: string) {
    this.report = { folder, counts: {}, gone: [], refused: [], missing: [], failed: [] }
    this.#endpoint = endpoint
    this.#exportedAt = exportedAt
  }

  /**
   * Continues an interrupted pull, or starts a complete one again. `exportedAt` is ISO 8601. Throws `PullStopped` for a
   * folder that has other files.
   */
  static async open(folder: string, endpoint: Endpoint, exportedAt: string): Promise<PullFolder> {
    await prepareFolder(folder, 'The folder')
    const opened = new PullFolder(folder, endpoint, exportedAt)
    const manifest = await opened.#readManifest()
    if (manifest === undefined && (await readdir(folder)).some((name) => name !== '.pull')) {
      throw new PullStopped(`The folder ${folder} is not empty, and was not created by a pull.`)
    }
    if (manifest?.['is_complete'] === false) await opened.#readJournal()
    else await rm(opened.path('.pull'), { recursive: true, force: true })
    for (const name of ['.pull/stores', 'threads', 'conversations', 'files', 'texts']) {
      await mkdir(opened.path(name), { recursive: true })
    }
    await opened.#writeManifest(false)
    return opened
  }

  path(name: string): string {
    return join(this.report.folder, name)
  }

  isDone(part: string): boolean {
    return this.#done.has(part)
  }

  /** Records that the part is complete. It is not requested again. */
  async finishPart(part: string, result: PartResult): Promise<void> {
    await appendFile(this.path(journal), `${JSON.stringify({ part, ...result })}\n`)
    this.#add(part, result)
  }

  /** Writes a file so that after a crash it is either complete or missing. */
  async writeJson(name: string, value: unknown): Promise<void> {
    const temporary = this.temporary()
    await writeFile(temporary, `${JSON.stringify(value, null, 1)}\n`, { flush: true })
    await rename(temporary, this.path(name))
  }

  /** A name for a file that is not complete yet. */
  temporary(): string {
    this.#temporary += 1
    return this.path(`.pull/part-${this.#temporary}`)
  }

  async end(): Promise<void> {
    const isComplete = this.report.failed.length === 0
    await this.#writeManifest(isComplete)
    if (isComplete) await rm(this.path('.pull'), { recursive: true })
  }

  #add(part: string, { counts = {}, gone = [], refused = [], missing = [] }: PartResult): void {
    this.#done.add(part)
    const { report } = this
    for (const kind of pullKinds) {
      const count = counts[kind]
      if (count !== undefined) report.counts[kind] = (report.counts[kind] ?? 0) + count
    }
    report.gone.push(...gone)
    report.refused.push(...refused)
    report.missing.push(...missing)
  }

  async #readJournal(): Promise<void> {
    const text = await readFile(this.path(journal), 'utf8').catch(() => '')
    const lines = text.split('\n')
    // A last line without its end is incomplete: the process was killed while it was written.
    if (lines.pop() !== '') await writeFile(this.path(journal), lines.map((line) => `${line}\n`).join(''))
    for (const line of lines) {
      const { part, ...result } = JSON.parse(line) as PartResult & { part: string }
      this.#add(part, result)
    }
  }

  async #readManifest(): Promise<Fields | undefined> {
    const text = await readFile(this.path('manifest.json'), 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    const manifest: unknown = JSON.parse(text)
    const from = isObject(manifest) && isObject(manifest['pulled_from']) ? manifest['pulled_from'] : {}
    const { url } = this.#endpoint
    if (isObject(manifest) && from['url'] === url) return manifest
    throw new PullStopped(`The folder ${dirname(this.path('manifest.json'))} was not filled from ${url}.`)
  }

  async #writeManifest(isComplete: boolean): Promise<void> {
    const { from, url } = this.#endpoint
    const { counts, gone, refused, missing, failed } = this.report
    await this.writeJson('manifest.json', {
      export_schema: 'assistants-export-manifest/v1',
      exported_at: this.#exportedAt,
      pulled_from: { kind: from, url },
      is_complete: isComplete,
      counts,
      gone,
      refused,
      failed,
      missing_contents: missing,
    })
  }
}
