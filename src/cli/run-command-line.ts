/** Reads the command line and starts a command. */
import { backup, restore } from './backup.ts'
import { readCommandLine, UsageError, type CommandLine } from './command-line.ts'
import { doctor } from './doctor.ts'
import { runExport } from './export.ts'
import { runImport } from './import.ts'
import { openLogger } from './logger.ts'
import { models } from './models.ts'
import { runPull } from './pull.ts'
import { reindex } from './reindex.ts'
import { serve } from './serve.ts'
import { showConfig } from './show-config.ts'
import { version } from '../util/version.ts'
import { readConfig } from '../config/config.ts'
import { systemClock } from '../util/clock.ts'
import { messageOf } from '../util/describe-error.ts'

const print = (line: string) => void process.stdout.write(`${line}\n`)
const printAside = (line: string) => void process.stderr.write(`${line}\n`)

type Chosen = Exclude<CommandLine, { command: 'help' | 'version' }>

/** A server continues when this resolves. Every other command ends the process, and so do wrong arguments. */
export async function runCommandLine(): Promise<void> {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(error.message)
    process.exit(2)
  }
}

async function main(): Promise<void> {
  const line = readCommandLine(process.argv.slice(2))
  if (line.command === 'help') return void process.stdout.write(line.text)
  if (line.command === 'version') return print(version)
  const config = readConfig(line.flags)
  const readAgain = () => readConfig(line.flags)
  if (line.command === 'serve') return serve(config, readAgain, openLogger(config.logLevel))
  const exitCode = await runTool(line, config).catch(printFailure)
  // When output could not be written, its error event comes first and ends the process with 1.
  await new Promise(setImmediate)
  process.exit(exitCode)
}

/** Prints the failure of a command. Wrong arguments are reported by `main`. */
function printFailure(error: unknown): number {
  if (error instanceof UsageError) throw error
  console.error(messageOf(error))
  return 1
}

/** Commands that do one thing and end. Resolves with the exit code. */
async function runTool(
  { command, args, options }: Chosen,
  config: ReturnType<typeof readConfig>,
): Promise<number> {
  // Their output is for a person: the log shows problems only, on stderr.
  const { log } = openLogger(config.logLevel === 'info' ? 'warn' : config.logLevel)
  const [first = ''] = args
  switch (command) {
    case 'backup':
      await backup(config, first, { log, print: printAside })
      return 0
    case 'restore':
      await restore(config, first, { log, print: printAside })
      return 0
    case 'import':
      await runImport(config, { path: first, ...options }, { log, print, printAside })
      return 0
    case 'pull':
      return (await runPull(config, options, { log, print, printAside })) ? 0 : 1
    case 'export':
      await runExport(config, { folder: first, ...options }, { log, printAside })
      return 0
    case 'doctor':
      return (await doctor(config, log, print)) ? 0 : 1
    case 'models':
      await models(config, args, { log, print, ...options })
      return 0
    case 'config':
      showConfig(config, first, print)
      return 0
    default:
      await reindex(config, { log, clock: systemClock, print })
      return 0
  }
}
