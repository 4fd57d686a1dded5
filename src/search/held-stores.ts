/** What an index keeps of vector stores in memory, within a budget. The store that was used least recently goes first. */

export interface Held {
  version: number
  bytes: number
  /** Chunks that it lacks until their segments are made. */
  missing: number
}

export class HeldStores<Loaded extends Held> {
  readonly #budgetBytes: number
  /** In the order of their last use. */
  readonly #stores = new Map<string, Loaded>()
  /** Searches that come while a store is being loaded wait for the same load. */
  readonly #loading = new Map<string, Promise<Loaded>>()

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get bytes(): number {
    return [...this.#stores.values()].reduce((sum, store) => sum + store.bytes, 0)
  }

  get budgetBytes(): number {
    return this.#budgetBytes
  }

  /** The store as of `version`. `load` gets what is held of an earlier version. */
  async get(
    id: string,
    version: number,
    load: (known: Loaded | undefined) => Promise<Loaded>,
  ): Promise<Loaded> {
    const known = this.#stores.get(id)
    if (known?.version === version && known.missing === 0) {
      this.#stores.delete(id)
      this.#stores.set(id, known)
      return known
    }
    const key = `${id} ${version}`
    const loading = this.#loading.get(key) ?? this.#load(id, key, () => load(known))
    this.#loading.set(key, loading)
    return loading
  }

  forget(id: string): void {
    this.#stores.delete(id)
  }

  /** The next search loads the store again; `load` gets what is held. */
  outdate(id: string): void {
    const known = this.#stores.get(id)
    if (known) this.#stores.set(id, { ...known, version: Number.NaN })
  }

  async #load(id: string, key: string, load: () => Promise<Loaded>): Promise<Loaded> {
    try {
      const store = await load()
      // A newer version may have been loaded meanwhile. Then the next search loads that one again.
      this.#stores.delete(id)
      // A negative version stands for a store that does not exist.
      if (store.version >= 0) this.#stores.set(id, store)
      this.#evict()
      return store
    } finally {
      this.#loading.delete(key)
    }
  }

  #evict(): void {
    let bytes = this.bytes
    for (const [id, store] of this.#stores) {
      if (bytes <= this.#budgetBytes) return
      this.#stores.delete(id)
      bytes -= store.bytes
    }
  }
}
