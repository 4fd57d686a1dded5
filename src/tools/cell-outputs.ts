/** The outputs of a cell: emitted as they arrive, stored as files, and written as text for the model. */
import { Readable } from 'node:stream'
import type { CodeInterpreterOutput } from '../api/run-steps.ts'
import type { CellEvent, SandboxSession } from '../sandbox/port.ts'
import type { Mark } from '../sql/run-steps.ts'
import { newId } from '../util/ids.ts'
import { storableText } from '../util/storable-text.ts'
import type { CallDelta, ToolContext, ToolFiles } from './port.ts'

type CodeDelta = Extract<CallDelta, { type: 'code_interpreter' }>
type CodeOutputDelta = NonNullable<CodeDelta['code_interpreter']['outputs']>[number]

/** Lives for one call. */
export class CellOutputs {
  readonly list: CodeInterpreterOutput[] = []
  readonly marks: Mark[] = []
  readonly imageFileIds: string[] = []
  readonly #files: ToolFiles
  readonly #context: ToolContext
  readonly #changed: string[] = []
  /** Links to the stored files, in the form that the model should use. */
  readonly #links: string[] = []
  /** The end of the outputs so far. They are emitted in order, although an image takes time to store. */
  #emitting: Promise<void> = Promise.resolve()

  constructor(files: ToolFiles, context: ToolContext) {
    this.#files = files
    this.#context = context
  }

  add(event: CellEvent): void {
    if (event.type === 'file') this.#changed.push(event.name)
    else if (event.type === 'logs') this.#emitting = this.#emitting.then(() => this.logs(event.text))
    else this.#emitting = this.#emitting.then(() => this.#image(event.png))
  }

  logs(text: string): void {
    const clean = storableText(text)
    if (clean === '') return
    const last = this.list.at(-1)
    if (last?.type === 'logs') last.logs += clean
    else this.list.push({ type: 'logs', logs: clean })
    this.#emit({ index: this.list.length - 1, type: 'logs', logs: clean })
  }

  /** Waits until all outputs are emitted, and stores the files that the cell wrote. */
  async store(session: SandboxSession): Promise<void> {
    await this.#emitting
    for (const name of this.#changed) {
      const path = `/mnt/data/${storableText(name)}`
      // A background thread of the cell may have deleted the file, or the session may have ended.
      const content = await session.read(name).catch((error: Error) => error)
      if (content instanceof Error) {
        this.logs(`[${path} could not be stored: ${content.message}]\n`)
        continue
      }
      const file_id = await this.#create(path, content)
      const links = linksTo(path)
      this.#links.push(links[0] ?? path)
      for (const text of links) this.marks.push({ text, type: 'file_path', file_id })
    }
  }

  /** Never empty: the model would take an empty output for a failure. */
  forModel(): string {
    const parts = this.list.map((output) =>
      output.type === 'logs' ? output.logs : '[an image was shown to the user]',
    )
    const files = this.#links.map((link) => `[written: ${link}]`)
    return [...parts, ...files].join('\n') || '[the cell ended without output]'
  }

  async #image(png: Buffer): Promise<void> {
    const file_id = await this.#create(`/mnt/data/${newId('file')}.png`, Readable.from([png]))
    this.imageFileIds.push(file_id)
    this.list.push({ type: 'image', image: { file_id } })
    this.#emit({ index: this.list.length - 1, type: 'image', image: { file_id } })
  }

  /** The file name contains the path, as in the live service. */
  async #create(filename: string, content: Readable): Promise<string> {
    return this.#files.create(this.#context.row.project, { filename, content })
  }

  #emit(output: CodeOutputDelta): void {
    this.#context.emit({ type: 'code_interpreter', code_interpreter: { outputs: [output] } })
  }
}

/** The forms in which models write the link to a file: as it is, and percent-encoded in several ways. */
function linksTo(path: string): string[] {
  const encoded = encodeURI(path)
  const forms = [
    path,
    path.replaceAll(' ', '%20'),
    encoded,
    encoded.replaceAll(/[()]/g, percentEncoded),
    path.split('/').map(encodeURIComponent).join('/'),
    path
      .split('/')
      .map(encodeURIComponent)
      .join('/')
      .replaceAll(/[!'()*]/g, percentEncoded),
  ]
  return [...new Set(forms)].map((form) => `sandbox:${form}`)
}

function percentEncoded(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16).toUpperCase()}`
}
