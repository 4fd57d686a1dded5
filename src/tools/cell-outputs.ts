/** What a cell produced: told as it comes, kept as files, and put into words for the model. */
import { Readable } from 'node:stream'
import type { CodeInterpreterOutput } from '../api/run-steps.ts'
import type { CellEvent, SandboxSession } from '../sandbox/port.ts'
import type { Mark } from '../sql/run-steps.ts'
import { newId } from '../util/ids.ts'
import { storable } from '../util/text-joiner.ts'
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
  readonly #written: string[] = []
  /** Images and logs are told in the order they came in, though an image takes a while to keep. */
  #telling: Promise<void> = Promise.resolve()

  constructor(files: ToolFiles, context: ToolContext) {
    this.#files = files
    this.#context = context
  }

  add(event: CellEvent): void {
    if (event.type === 'file') this.#written.push(event.name)
    else if (event.type === 'logs') this.#telling = this.#telling.then(() => this.logs(event.text))
    else this.#telling = this.#telling.then(() => this.#image(event.png))
  }

  logs(text: string): void {
    const clean = storable(text)
    if (clean === '') return
    const last = this.list.at(-1)
    if (last?.type === 'logs') last.logs += clean
    else this.list.push({ type: 'logs', logs: clean })
    this.#tell({ index: this.list.length - 1, type: 'logs', logs: clean })
  }

  /** Waits until everything is told, and keeps the files that the cell wrote. */
  async keep(session: SandboxSession): Promise<void> {
    await this.#telling
    for (const name of this.#written) {
      const content = await session.read(name)
      const file_id = await this.#create(name, content)
      this.marks.push({ text: `sandbox:/mnt/data/${storable(name)}`, type: 'file_path', file_id })
    }
  }

  /** Nothing at all would read like a failure. */
  forModel(): string {
    const parts = this.list.map((output) =>
      output.type === 'logs' ? output.logs : '[an image was shown to the user]',
    )
    const files = this.marks.map((mark) => `[written: ${mark.text}]`)
    return [...parts, ...files].join('\n') || '[the cell ended without output]'
  }

  async #image(png: Buffer): Promise<void> {
    const file_id = await this.#create(`${newId('file')}.png`, Readable.from([png]))
    this.imageFileIds.push(file_id)
    this.list.push({ type: 'image', image: { file_id } })
    this.#tell({ index: this.list.length - 1, type: 'image', image: { file_id } })
  }

  /** File names of outputs carry the path, as the live service has it. */
  async #create(name: string, content: Readable): Promise<string> {
    return this.#files.create(this.#context.row.project, { filename: `/mnt/data/${storable(name)}`, content })
  }

  #tell(output: CodeOutputDelta): void {
    this.#context.tell({ type: 'code_interpreter', code_interpreter: { outputs: [output] } })
  }
}
