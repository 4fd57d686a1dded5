/** Reads the command line and starts a command. */
import { readFileSync } from 'node:fs'
import { help, readCommandLine, UsageError } from './cli/command-line.ts'
import { openLogger } from './cli/logger.ts'
import { reindex } from './cli/reindex.ts'
import { serve } from './cli/serve.ts'
import { readConfig } from './config/config.ts'
import { systemClock } from './util/clock.ts'

const print = (text: string) => process.stdout.write(text)

async function main(): Promise<void> {
  const { command, flags } = readCommandLine(process.argv.slice(2))
  if (command === 'help') return void print(help)
  if (command === 'version') return void print(`${version()}\n`)
  const config = readConfig(flags)
  // The output of `reindex` is for a person: its log shows problems only.
  const isQuiet = command === 'reindex' && config.logLevel === 'info'
  const logger = openLogger(isQuiet ? 'warn' : config.logLevel)
  if (command === 'serve') return serve(config, logger)
  logger.release()
  await reindex(config, { log: logger.log, clock: systemClock, print: (line) => print(`${line}\n`) })
  process.exit(0)
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return manifest.version
}

main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError
  console.error(`Spool could not start. ${error instanceof Error ? error.message : String(error)}`)
  process.exit(isUsage ? 2 : 1)
})
