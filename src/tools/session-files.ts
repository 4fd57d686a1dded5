/** Puts a thread's files into its Python session, once for each session. */
import type { SandboxSession } from '../sandbox/port.ts'
import type { RunRow } from '../sql/runs.ts'
import { plainFileName } from '../util/file-name.ts'
import type { ToolFiles } from './port.ts'

/** File systems refuse longer names. */
const maxFileNameBytes = 255

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
      const alias = plainFileName(names.get(id) ?? '')
      if (alias === undefined || Buffer.byteLength(alias) > maxFileNameBytes || held.has(alias)) continue
      await session.link(id, alias)
      held.add(alias)
    }
  }
}
