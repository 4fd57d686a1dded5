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

  /** Remembers every object in an answer, lists and events included, and forgets what is deleted. */
  learn(body: any): void {
    if (typeof body !== 'object' || body === null) return
    if (body.object === 'list' && Array.isArray(body.data)) for (const one of body.data) this.learn(one)
    if (body.deleted === true) return this.#forget(body.id)
    const kind = Object.hasOwn(kinds, body.object) ? kinds[body.object] : undefined
    if (kind === undefined || typeof body.id !== 'string') return
    this.#remember(kind, body)
    if (kind !== 'run') return
    if (body.required_action) this.#remember('waiting', body)
    else this.#drop('waiting', (row) => row['id'] === body.id)
  }

  #remember(kind: string, row: Row): void {
    this.#drop(kind, (one) => one['id'] === row['id'])
    const rows = this.#rows.get(kind) ?? []
    this.#rows.set(kind, rows)
    rows.push(row)
    if (rows.length > most) rows.shift()
  }

  /** With a thread goes everything in it. */
  #forget(id: string): void {
    for (const kind of this.#rows.keys()) {
      this.#drop(kind, (row) => row['id'] === id || row['thread_id'] === id)
    }
  }

  #drop(kind: string, isMeant: (row: Row) => boolean): void {
    this.#rows.set(
      kind,
      (this.#rows.get(kind) ?? []).filter((row) => !isMeant(row)),
    )
  }

  /** Puts what is known in the place of every `@@kind.field:number@@`. */
  fill(text: string): string {
    return text
      .replaceAll(/"@@waiting\.outputs:(\d+)@@"/g, (_, number: string) => this.#outputs(Number(number)))
      .replaceAll(/@@(\w+)\.(\w+):(\d+)@@/g, (_, kind: string, field: string, number: string) => {
        const value = this.#pick(kind, Number(number))?.[field]
        if (typeof value === 'string') return value
        const missing = field === 'id' ? kind : field.replace(/_id$/, '')
        return `${prefixes[missing] ?? missing}_none`
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
