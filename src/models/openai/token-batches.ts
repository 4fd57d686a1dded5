/** Joins the tokens of many slow answers: waking a run and writing to its client costs more time than a token does. */

/** Tokens are joined while at least this many answers are open. With fewer, each token is passed on at once. */
const manyAnswers = 64
/** The first token of a batch waits this long for each open answer, between these limits, and up to one tick longer. */
const waitMsForEachAnswer = 0.5
const shortestWaitMs = 40
const longestWaitMs = 120
const tickMs = 10

/** One object and one timer for all answers of a server. */
export class TokenBatches {
  #openAnswers = 0
  /** Oldest first. */
  #waiting: { sinceMs: number; release: () => void }[] = []
  #timer: NodeJS.Timeout | undefined

  /** Call once at the start of an answer, and `closed` once at its end. */
  opened(): void {
    this.#openAnswers += 1
  }

  closed(): void {
    this.#openAnswers -= 1
  }

  /** Whether tokens are joined at the moment. */
  get areOn(): boolean {
    return this.#openAnswers >= manyAnswers
  }

  /** Calls `release` after the wait. */
  wait(release: () => void): void {
    this.#waiting.push({ sinceMs: performance.now(), release })
    this.#timer ??= setInterval(() => this.#tick(), tickMs)
  }

  #tick(): void {
    const waitMs = Math.min(Math.max(this.#openAnswers * waitMsForEachAnswer, shortestWaitMs), longestWaitMs)
    const dueMs = performance.now() - waitMs
    const count = this.#waiting.findIndex(({ sinceMs }) => sinceMs > dueMs)
    const due = this.#waiting.splice(0, count === -1 ? this.#waiting.length : count)
    for (const { release } of due) release()
    if (this.#waiting.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
