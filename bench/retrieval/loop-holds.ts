/** Measures how long a turn of the event loop takes, in processor time, so that other work of the machine does not count. */

export interface Holds {
  /** The longest hold since the call before, in milliseconds of processor time of all threads. */
  longestMs(): number
  stop(): void
}

/** Measures each turn of the event loop until `stop`. */
export function watchHolds(): Holds {
  let longest = 0
  let isStopped = false
  let before = process.cpuUsage()
  const look = () => {
    const now = process.cpuUsage()
    longest = Math.max(longest, now.user + now.system - before.user - before.system)
    before = now
    if (!isStopped) setImmediate(look)
  }
  setImmediate(look)
  return {
    longestMs() {
      const found = longest / 1000
      longest = 0
      return found
    },
    stop() {
      isStopped = true
    },
  }
}
