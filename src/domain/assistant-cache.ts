/** A cache of the assistants that runs are created from: the next run of one does not read it again. */
import type { Queryable } from '../database/database.ts'
import type { Hints } from '../runs/hints.ts'
import { findStoredAssistant, type StoredAssistant, type VersionedAssistant } from '../sql/assistants.ts'

/** The most assistants in the cache, and the most characters of one. */
const mostCached = 500
const longestCached = 16 * 1024

/** `version` is present when the assistant comes from the cache: the run must then be created with this version. */
export interface FoundAssistant {
  assistant: StoredAssistant
  version?: string
}

/**
 * A hint removes an assistant that has changed, and a hint may be lost. So the statement that creates a run checks the
 * version, and `forget` is called when it differs. Lives as long as the process.
 */
export class AssistantCache {
  readonly #cached = new Map<string, VersionedAssistant & { project: string }>()
  readonly #hints: Hints

  constructor(hints: Hints) {
    this.#hints = hints
    hints.subscribe((hint) => {
      if (hint.kind === 'assistant') this.forget(hint.assistant_id)
      if (hint.kind === 'all') this.#cached.clear()
    })
  }

  async find(db: Queryable, project: string, id: string): Promise<FoundAssistant | undefined> {
    // Without hints from other processes, every assistant in the cache may be old.
    if (!this.#hints.arrive) this.#cached.clear()
    const cached = this.#cached.get(id)
    if (cached?.project === project) return { assistant: cached.assistant, version: cached.version }
    const found = await findStoredAssistant(db, project, id)
    if (!found) return undefined
    if (JSON.stringify(found.assistant).length <= longestCached) this.#add(id, { ...found, project })
    return { assistant: found.assistant }
  }

  forget(id: string): void {
    this.#cached.delete(id)
  }

  #add(id: string, found: VersionedAssistant & { project: string }): void {
    const [oldest] = this.#cached.keys()
    if (this.#cached.size >= mostCached && oldest !== undefined) this.#cached.delete(oldest)
    this.#cached.set(id, found)
  }
}
