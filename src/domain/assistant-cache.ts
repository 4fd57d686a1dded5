/** Assistants that runs are created from: the next run of one does not read it again. */
import type { Queryable } from '../database/database.ts'
import type { Hints } from '../runs/hints.ts'
import { findStoredAssistant, type StoredAssistant, type VersionedAssistant } from '../sql/assistants.ts'

/** So many assistants are held at most, each of so many characters. */
const mostHeld = 500
const longestHeld = 16 * 1024

/** `version` is present where the assistant was not read just now: then the run must be created with it. */
export interface FoundAssistant {
  assistant: StoredAssistant
  version?: string
}

/**
 * Hints drop what has changed, and may be lost. So the statement that creates a run checks the version, and `forget` is
 * called when it refuses. Lives as long as the process.
 */
export class AssistantCache {
  readonly #held = new Map<string, VersionedAssistant & { project: string }>()
  readonly #hints: Hints

  constructor(hints: Hints) {
    this.#hints = hints
    hints.subscribe((hint) => {
      if (hint.kind === 'assistant') this.forget(hint.assistant_id)
      if (hint.kind === 'all') this.#held.clear()
    })
  }

  async find(db: Queryable, project: string, id: string): Promise<FoundAssistant | undefined> {
    // Without hints of other processes everything that is held may be old.
    if (!this.#hints.arrive) this.#held.clear()
    const held = this.#held.get(id)
    if (held?.project === project) return { assistant: held.assistant, version: held.version }
    const found = await findStoredAssistant(db, project, id)
    if (!found) return undefined
    if (JSON.stringify(found.assistant).length <= longestHeld) this.#hold(id, { ...found, project })
    return { assistant: found.assistant }
  }

  forget(id: string): void {
    this.#held.delete(id)
  }

  #hold(id: string, found: VersionedAssistant & { project: string }): void {
    const [oldest] = this.#held.keys()
    if (this.#held.size >= mostHeld && oldest !== undefined) this.#held.delete(oldest)
    this.#held.set(id, found)
  }
}
