/** Prints the progress of a command. */

const everyMs = 1_000

/** Prints at most one line a second. `describe` returns its text. */
export function progressPrinter<State>(
  print: (line: string) => void,
  describe: (state: State) => string,
): (state: State) => void {
  const startMs = performance.now()
  let printedMs = startMs
  return (state) => {
    const nowMs = performance.now()
    if (nowMs - printedMs < everyMs) return
    printedMs = nowMs
    print(`${describe(state)}, ${((nowMs - startMs) / 1000).toFixed(0)} s`)
  }
}
