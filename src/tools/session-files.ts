/** Copies the files of a thread into its Python session, once for each session. */
import type { SandboxSession } from '../sandbox/port.ts'
import type { RunRow } from '../sql/runs.ts'
import { plainFileName } from '../util/file-name.ts'
import type { ToolFiles } from './port.ts'

/** File systems refuse longer names. */
const maxFileNameBytes = 255

/** Remembers the files of each session for as long as the session object exists. */
export class SessionFiles {
  readonly #files: ToolFiles
  readonly #present = new WeakMap<SandboxSession, Set<string>>()

  constructor(files: ToolFiles) {
    this.#files = files
  }

  /** Each file is stored under its id, and is linked under its own name unless another file has that name. */
  async put(
    session: SandboxSession,
    { row, ids, fresh }: { row: RunRow; ids: readonly string[]; fresh: boolean },
  ): Promise<void> {
    const present = (fresh ? undefined : this.#present.get(session)) ?? new Set<string>()
    this.#present.set(session, present)
    const missing = ids.filter((id) => !present.has(id))
    const names = await this.#files.names(row.project, missing)
    for (const id of missing) {
      const content = await this.#files.open(row.project, id)
      if (!content) continue
      await session.put(id, content)
      present.add(id)
      const alias = plainFileName(names.get(id) ?? '')
      if (alias === undefined || Buffer.byteLength(alias) > maxFileNameBytes || present.has(alias)) continue
      await session.link(id, alias)
      present.add(alias)
    }
  }
}
