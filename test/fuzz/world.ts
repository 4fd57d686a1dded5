/** What the requests have made so far: real ids, so that they get past the question whether the object exists. */

type Row = Record<string, any>

const kinds: Record<string, string> = {
  assistant: 'assistant',
  thread: 'thread',
  'thread.message': 'message',
  'thread.run': 'run',
  'thread.run.step': 'step',
  file: 'file',
  upload: 'upload',
  'upload.part': 'part',
  vector_store: 'store',
}

/** So many of each are remembered; older ones make room. */
const most = 60

export class World {
  readonly #rows = new Map<string, Row[]>()

  /** Remembers every object in an answer, lists and events included. */
  learn(body: any): void {
    if (typeof body !== 'object' || body === null) return
    if (body.object === 'list' && Array.isArray(body.data)) for (const one of body.data) this.learn(one)
    const kind = Object.hasOwn(kinds, body.object) ? kinds[body.object] : undefined
    if (kind === undefined || typeof body.id !== 'string') return
    this.#remember(kind, body)
    if (kind === 'run' && body.required_action) this.#remember('waiting', body)
  }

  #remember(kind: string, row: Row): void {
    const rows = this.#rows.get(kind) ?? []
    this.#rows.set(kind, rows)
    const known = rows.findIndex((one) => one['id'] === row['id'])
    if (known !== -1) rows.splice(known, 1)
    rows.push(row)
    if (rows.length > most) rows.shift()
  }

  /** Puts what is known in the place of every `@@kind.field:number@@`. */
  fill(text: string): string {
    return text
      .replaceAll(/"@@waiting\.outputs:(\d+)@@"/g, (_, number: string) => this.#outputs(Number(number)))
      .replaceAll(/@@(\w+)\.(\w+):(\d+)@@/g, (_, kind: string, field: string, number: string) => {
        const value = this.#pick(kind, Number(number))?.[field]
        return typeof value === 'string' ? value : `${prefixes[kind] ?? kind}_none`
      })
  }

  #pick(kind: string, number: number): Row | undefined {
    const rows = this.#rows.get(kind) ?? []
    return rows[number % Math.max(1, rows.length)]
  }

  #outputs(number: number): string {
    const calls = this.#pick('waiting', number)?.['required_action'].submit_tool_outputs.tool_calls ?? []
    return JSON.stringify(calls.map(({ id }: Row) => ({ tool_call_id: id, output: 'sun' })))
  }
}

const prefixes: Record<string, string> = { assistant: 'asst', message: 'msg', store: 'vs', waiting: 'run' }
