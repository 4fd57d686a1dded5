/** Collects the ids of assistants, files and vector stores that exported objects name. */
import { isObject } from '../util/is-object.ts'

const fields = new Set(['id', 'file_id', 'file_ids', 'vector_store_ids', 'assistant_id'])

export class NamedIds {
  readonly #ids = new Set<string>()

  /** Adds all ids in a value, at any depth. */
  add(value: unknown): void {
    if (Array.isArray(value)) {
      for (const item of value) this.add(item)
    } else if (isObject(value)) {
      for (const [key, field] of Object.entries(value)) this.#addField(key, field)
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  all(): string[] {
    return [...this.#ids]
  }

  #addField(key: string, field: unknown): void {
    if (!fields.has(key)) return this.add(field)
    for (const id of [field].flat()) if (typeof id === 'string') this.#ids.add(id)
  }
}
