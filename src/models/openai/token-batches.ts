/** Joins the tokens of many slow answers: each wake of a run and each write to its client costs more than a token. */

/** Tokens are joined while at least so many answers are open. Tokens of fewer answers are passed on at once. */
const manyAnswers = 64
/** How long the first token of a batch waits, in ms, and up to one tick more. */
const waitMs = 40
const tickMs = 10

/** Lives as long as the connections to a server. One timer for all answers. */
export class TokenBatches {
  #openAnswers = 0
  /** The oldest first. */
  #waiting: { sinceMs: number; release: () => void }[] = []
  #timer: NodeJS.Timeout | undefined

  /** An answer has begun; `closed` must be called once. */
  opened(): void {
    this.#openAnswers += 1
  }

  closed(): void {
    this.#openAnswers -= 1
  }

  /** Whether tokens wait for more. */
  get areOn(): boolean {
    return this.#openAnswers >= manyAnswers
  }

  /** Calls `release` when the wait that begins now is over. */
  wait(release: () => void): void {
    this.#waiting.push({ sinceMs: performance.now(), release })
    this.#timer ??= setInterval(() => this.#tick(), tickMs)
  }

  #tick(): void {
    const dueMs = performance.now() - waitMs
    const count = this.#waiting.findIndex(({ sinceMs }) => sinceMs > dueMs)
    const due = this.#waiting.splice(0, count === -1 ? this.#waiting.length : count)
    for (const { release } of due) release()
    if (this.#waiting.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
