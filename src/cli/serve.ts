/** `serve`: starts the server, prints the banner, and stops cleanly. */
import { openApp, type App } from '../app/app.ts'
import type { Config } from '../config/config.ts'
import { systemClock } from '../util/clock.ts'
import { checkTemporaryFolder, prepareDataFolder, prepareFolder } from '../util/folder.ts'
import type { Log } from '../util/log.ts'
import { banner } from './banner.ts'
import type { Logger } from './logger.ts'
import { checkPort } from './start-errors.ts'

const parentPollMs = 1_000

/**
 * Resolves when the server runs. After that, a signal ends the process. `readConfig` reads the settings for a reload.
 */
export async function serve(
  config: Config,
  readConfig: () => Config,
  { log, release }: Logger,
): Promise<void> {
  await prepareDataFolder(config.dataDir)
  if (config.blobs.type === 'disk') await prepareFolder(config.blobs.folder, 'SPOOL_BLOBS_FOLDER', 0o711)
  await checkTemporaryFolder()
  if (config.roles.has('api')) await checkPort(config)
  logRejections(log)
  const app = await openApp(config, { log, clock: systemClock, readConfig })
  const stop = stopper(log, { drainSeconds: config.drainSeconds, close: () => app.close() })
  stopOnSignals(stop)
  // In a terminal SIGHUP means that the window was closed, and must end the process.
  if (!process.stdout.isTTY) process.on('SIGHUP', () => reload(app, log))
  // After an uncaught exception the state is unknown: the server finishes its runs and ends.
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => {
    log('error', 'an exception was not caught', { error, stack: error.stack })
    stop('an exception that was not caught', 1)
  })
  if (config.startedByNpm) stopWithParent(() => stop('the process that started this server ended', 0))
  void app.lost.then((error) => {
    log('error', 'the database cannot be kept running', { error })
    stop('no database', 1)
  })
  // As for the log: when the reader has ended or the disk is full, the server continues.
  process.stdout.on('error', () => undefined)
  process.stdout.write(banner(config, app))
  release()
  for (const warning of config.warnings) log('warn', warning)
}

function reload(app: App, log: Log): void {
  app.reload().catch((error: unknown) => log('error', 'the settings were not reloaded', { error }))
}

/** A rejected promise that nothing awaits is a bug. No request or run depends on it, so the server continues. */
function logRejections(log: Log): void {
  process.on('unhandledRejection', (reason) => {
    const stack = reason instanceof Error ? reason.stack : undefined
    log('error', 'a rejection was not handled', { error: reason, stack })
  })
}

type Stop = (why: string, exitCode: number) => void

/** The first signal drains and stops; the second ends the process at once. */
function stopOnSignals(stop: Stop): void {
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      signals += 1
      if (signals > 1) process.exit(130)
      stop(signal, 0)
    })
  }
}

/** Only the first call counts: after Ctrl-C npm ends as well, which is another reason to stop. */
function stopper(
  log: Log,
  { drainSeconds, close }: { drainSeconds: number; close: () => Promise<void> },
): Stop {
  let isStopping = false
  return (why, exitCode) => {
    if (isStopping) return
    isStopping = true
    log('info', 'stopping', { why, drain_seconds: drainSeconds })
    close().then(
      () => {
        log('info', 'stopped')
        process.exit(exitCode)
      },
      (error: unknown) => {
        log('error', 'the server could not be stopped cleanly', { error })
        process.exit(1)
      },
    )
  }
}

/**
 * Stops the server when npm has ended: npm does not always pass a signal on. The server's parent is then another
 * process.
 */
function stopWithParent(stop: () => void): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    stop()
  }, parentPollMs)
  timer.unref()
}
