/** The command line: which command, and the few settings that have a flag. */
import { parseArgs } from 'node:util'
import type { Environment } from '../config/environment.ts'
import { nearest } from '../util/nearest.ts'

export interface CommandLine {
  command: 'serve' | 'reindex' | 'help' | 'version'
  /** As environment variables. */
  flags: Environment
}

/** The command line cannot be used; the message is a sentence for the person who wrote it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const help = `Usage: npm start -- [command] [options]

Commands:
  serve      start the server (the default)
  reindex    embed all vector stores again with the configured embedder, and end

Options:
  --host ADDRESS      the address to listen on (HOST)
  --port NUMBER       the port to listen on (PORT)
  --data-dir FOLDER   the data folder (SPOOL_DATA_DIR)
  --version, -v       print the version and end
  --help, -h          print this text and end

All other settings are environment variables or keys of spool.config.json: see docs/configuration.md.
`

const commands = ['serve', 'reindex'] as const
const variables: Record<string, string> = { host: 'HOST', port: 'PORT', 'data-dir': 'SPOOL_DATA_DIR' }
const options = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  host: { type: 'string' },
  port: { type: 'string' },
  'data-dir': { type: 'string' },
} as const

/** Throws `UsageError` for anything that it does not know. */
export function readCommandLine(args: string[]): CommandLine {
  const { tokens, positionals } = parseArgs({
    args,
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const flags: Record<string, string> = {}
  let answer: 'help' | 'version' | undefined
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const variable = variables[name]
    if (variable !== undefined) {
      if (!value) throw new UsageError(`The option ${rawName} needs a value: ${rawName} VALUE.`)
      flags[variable] = value
    } else if (name === 'help' || name === 'version') {
      answer ??= name
    } else {
      throw new UsageError(`There is no option ${rawName}.${hint(name, Object.keys(options), '--')}`)
    }
  }
  return { command: answer ?? commandOf(positionals), flags }
}

function commandOf([word = 'serve', extra]: string[]): 'serve' | 'reindex' {
  const command = commands.find((one) => one === word)
  if (command === undefined) throw new UsageError(`There is no command '${word}'.${hint(word, commands, '')}`)
  if (extra !== undefined) throw new UsageError(`The command '${word}' takes no argument '${extra}'.`)
  return command
}

function hint(word: string, known: readonly string[], prefix: string): string {
  const near = nearest(word, known)
  return near ? ` Did you mean ${prefix}${near}?` : ' --help lists all of them.'
}
