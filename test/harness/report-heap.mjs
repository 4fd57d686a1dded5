/** Loaded into a server process: on SIGUSR2 it collects garbage and prints how much memory its objects hold. */
process.on('SIGUSR2', () => {
  globalThis.gc()
  process.stdout.write(`heap: ${process.memoryUsage().heapUsed}\n`)
})
