/** Starts the server, prints the banner, and stops cleanly on a signal; or, told to, embeds all stores anew. */
import { banner } from './banner.ts'
import { openHouse } from './app.ts'
import { ConfigError, readConfig } from './config/config.ts'
import { openLogger } from './logger.ts'
import { reindex } from './reindex.ts'
import { systemClock } from './util/clock.ts'

async function main(): Promise<void> {
  const config = readConfig()
  const { log, release } = openLogger(config.logLevel)
  if (process.argv[2] === 'reindex') {
    release()
    await reindex(config, { log, clock: systemClock, say: (line) => process.stdout.write(`${line}\n`) })
    process.exit(0)
  }
  const house = await openHouse(config, { log, clock: systemClock })
  process.stdout.write(banner(config, house))
  release()
  stopOnSignals(async () => {
    log('info', 'stopping', { drain_seconds: config.drainSeconds })
    await house.close()
    log('info', 'stopped')
  })
  void house.lost.then((error) => {
    log('error', 'the database is gone, so the server ends', { error })
    process.exit(1)
  })
}

/** The first signal stops gently, the second at once. */
function stopOnSignals(stop: () => Promise<void>): void {
  let isStopping = false
  const onSignal = () => {
    if (isStopping) process.exit(130)
    isStopping = true
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}

function sentence(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  return error instanceof Error ? error.message : String(error)
}

main().catch((error: unknown) => {
  console.error(`Spool could not start. ${sentence(error)}`)
  process.exit(1)
})
