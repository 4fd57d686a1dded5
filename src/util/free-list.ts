/** Things that one user holds at a time; a user who finds none free waits. */

export class FreeList<Thing> {
  #free: Thing[] = []
  #line: ((thing: Thing) => void)[] = []

  /** Puts a thing in, or back: the first in line gets it. */
  give(thing: Thing): void {
    const next = this.#line.shift()
    if (next === undefined) this.#free.push(thing)
    else next(thing)
  }

  /** The thing that came back last, or the next that does. On abort it rejects with the signal's reason. */
  async take(signal: AbortSignal): Promise<Thing> {
    signal.throwIfAborted()
    const thing = this.#free.pop()
    if (thing !== undefined) return thing
    return await new Promise<Thing>((resolve, reject) => {
      const leave = () => {
        this.#line = this.#line.filter((other) => other !== receive)
        reject(signal.reason as Error)
      }
      const receive = (thing: Thing) => {
        signal.removeEventListener('abort', leave)
        resolve(thing)
      }
      this.#line.push(receive)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
