/** Preloaded into a server: a signal makes it fail as a bug would. */
process.on('SIGUSR2', () => void Promise.reject(new Error('injected rejection')))
process.on('SIGCONT', () =>
  setImmediate(() => {
    throw new Error('injected exception')
  }),
)
