/** Puts a thread's files into its Python session, once for each session. */
import type { SandboxSession } from '../sandbox/port.ts'
import type { RunRow } from '../sql/runs.ts'
import type { ToolFiles } from './port.ts'

/** Lives as long as the tool. Sessions are objects of their own, so what they hold is forgotten with them. */
export class SessionFiles {
  readonly #files: ToolFiles
  readonly #held = new WeakMap<SandboxSession, Set<string>>()

  constructor(files: ToolFiles) {
    this.#files = files
  }

  /** Each file stands under its id, and under its own name where no other file took that. */
  async put(
    session: SandboxSession,
    { row, ids, fresh }: { row: RunRow; ids: readonly string[]; fresh: boolean },
  ): Promise<void> {
    const held = (fresh ? undefined : this.#held.get(session)) ?? new Set<string>()
    this.#held.set(session, held)
    const missing = ids.filter((id) => !held.has(id))
    const names = await this.#files.names(row.project, missing)
    for (const id of missing) {
      const content = await this.#files.open(row.project, id)
      if (!content) continue
      await session.put(id, content)
      held.add(id)
      const alias = plainName(names.get(id) ?? '')
      if (alias === '' || held.has(alias)) continue
      await session.link(id, alias)
      held.add(alias)
    }
  }
}

/** The last part of a path, or nothing where it is no name for a file. */
function plainName(filename: string): string {
  const name = filename.split(/[/\\]/).at(-1) ?? ''
  return name === '.' || name === '..' || Buffer.byteLength(name) > 255 ? '' : name
}
