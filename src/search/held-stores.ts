/** What an index keeps of stores in memory, within a budget: the store that was not asked for longest goes first. */

export interface Held {
  version: number
  bytes: number
}

export class HeldStores<Store extends Held> {
  readonly #budgetBytes: number
  /** In the order of their last use. */
  readonly #stores = new Map<string, Store>()
  /** Searches that come while a store is being loaded wait for the same rows. */
  readonly #loading = new Map<string, Promise<Store | undefined>>()

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get bytes(): number {
    return [...this.#stores.values()].reduce((sum, store) => sum + store.bytes, 0)
  }

  get budgetBytes(): number {
    return this.#budgetBytes
  }

  /** The store as of `version`; `load` is given what is held of an older one. Undefined when `load` says so. */
  async get(
    id: string,
    version: number,
    load: (known: Store | undefined) => Promise<Store | undefined>,
  ): Promise<Store | undefined> {
    const known = this.#stores.get(id)
    if (known?.version === version) {
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

  async #load(id: string, key: string, load: () => Promise<Store | undefined>): Promise<Store | undefined> {
    try {
      const store = await load()
      // One that was loaded meanwhile may be newer; another search then reads what this one read, no more.
      this.#stores.delete(id)
      if (store && store.version >= 0) this.#stores.set(id, store)
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
