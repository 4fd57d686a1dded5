/** Parses the command line: the command, its arguments and options, and the few settings that have an option. */
import { parseArgs } from 'node:util'
import type { Environment } from '../config/environment.ts'
import { nearest } from '../util/nearest.ts'

export type CommandName = keyof typeof commands

export type CommandLine =
  | {
      command: CommandName
      args: string[]
      /** As environment variables. */
      flags: Environment
      /** The options of the command; an option without a value is `true`. */
      options: CommandOptions
    }
  | { command: 'help'; text: string }
  | { command: 'version' }

export type CommandOptions = {
  [Name in CommandOption]?: (typeof commandOptions)[Name]['value'] extends undefined ? true : string
}

/** The command line cannot be used; the message is for the user who wrote it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

interface Described {
  /** Names of the arguments; one in brackets may be left out, alternatives are separated by `|`. */
  args: string[]
  summary: string
  details?: string
  /** Its own options. */
  options?: readonly CommandOption[]
}

/** The options of commands: the placeholder of the value, and a description. */
const commandOptions = {
  'dry-run': { value: undefined, help: 'report what would be imported, and write nothing' },
  files: { value: 'FOLDER', help: 'a folder with contents of files, matched by id or by name and size' },
  format: { value: 'NAME', help: "'assistants' (the default) or 'conversations'" },
  thread: { value: 'ID', help: 'only this thread, with the objects that it uses' },
  source: {
    value: 'PLACE',
    help: 'where models pull reads the files: an address, a folder, a .tar or .tar.gz',
  },
  from: { value: 'SERVICE', help: "'openai', 'azure' or 'spool'" },
  url: { value: 'URL', help: 'the address of the service; openai has a default' },
  key: { value: 'KEY', help: 'the key of the service; a variable is safer, see docs/migrate.md' },
  token: { value: 'TOKEN', help: 'azure only: a bearer token instead of a key' },
  'api-version': { value: 'TEXT', help: 'azure only: the API version; it has a default' },
  ids: {
    value: 'FILE',
    help: 'a text file with ids of threads and conversations that the service does not list',
  },
  to: { value: 'FOLDER', help: 'write into this folder and import nothing' },
  project: { value: 'NAME', help: "the project (default: 'default')" },
} as const
export type CommandOption = keyof typeof commandOptions

const commands = {
  serve: { args: [], summary: 'start the server (the default)' },
  doctor: {
    args: [],
    summary: 'check this installation and print the fix for each problem',
    details: 'The exit code is 1 when a check fails. The server may be running or stopped.',
  },
  backup: {
    args: ['FILE'],
    summary: 'write all objects and file contents into one archive',
    details: 'The server may be running: the archive is a snapshot. FILE must not exist; - writes to stdout.',
  },
  restore: {
    args: ['FILE'],
    summary: 'read an archive into an empty database',
    details: 'Stop the server first. With DATABASE_URL the archive is restored into that database.',
  },
  import: {
    args: ['PATH'],
    summary: 'read saved objects from a folder, a zip or a file',
    details:
      'The server may be running or stopped. An import can be stopped and run again: nothing is imported twice.',
    options: ['dry-run', 'files', 'project'],
  },
  pull: {
    args: [],
    summary: 'read the objects of another service and import them',
    details: 'A pull can be stopped and run again: it continues where it stopped.',
    options: ['from', 'url', 'key', 'token', 'api-version', 'ids', 'to', 'files', 'project'],
  },
  export: {
    args: ['FOLDER'],
    summary: 'write the objects of a project into a new folder',
    details: 'The server may be running: the export is a snapshot. spool import reads the folder.',
    options: ['project', 'thread', 'format'],
  },
  reindex: { args: [], summary: 'embed all vector stores again with the configured embedder, and exit' },
  models: {
    args: ['list|test|pull', '[NAME]'],
    summary: 'list the models, send a test request to one, or download a local embedding model',
    details: 'pull needs a name: all-minilm-l6-v2 (English) or multilingual-e5-small (100 languages).',
    options: ['source'],
  },
  config: {
    args: ['check|print'],
    summary: 'check the settings, or print those in force without secrets',
  },
} as const satisfies Record<string, Described>

const variables: Record<string, string> = { host: 'HOST', port: 'PORT', 'data-dir': 'SPOOL_DATA_DIR' }
const options = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  host: { type: 'string' },
  port: { type: 'string' },
  'data-dir': { type: 'string' },
  ...(Object.fromEntries(
    Object.entries(commandOptions).map(([name, { value }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string' },
    ]),
  ) as Record<CommandOption, { type: 'boolean' | 'string' }>),
} as const

const optionHelp = `Options:
  --host ADDRESS      the address to listen on (HOST)
  --port NUMBER       the port to listen on (PORT)
  --data-dir FOLDER   the data folder (SPOOL_DATA_DIR)
  --version, -v       print the version and exit
  --help, -h          print this text and exit

All other settings are environment variables or keys of spool.config.json: see docs/configuration.md.
`

/** Throws `UsageError` for unknown commands, options and arguments. */
export function readCommandLine(args: string[]): CommandLine {
  const parsed = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true })
  const flags: Record<string, string> = {}
  const asked = new Set<string>()
  const own: Partial<Record<CommandOption, string | true>> = {}
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const variable = variables[name]
    if (variable !== undefined) {
      if (!value) throw new UsageError(`The option ${rawName} needs a value: ${rawName} VALUE.`)
      flags[variable] = value
    } else if (name === 'help' || name === 'version') {
      asked.add(name)
    } else if (isCommandOption(name)) {
      if (commandOptions[name].value !== undefined && !value) {
        throw new UsageError(`The option ${rawName} needs a value: ${rawName} ${commandOptions[name].value}.`)
      }
      own[name] = value ?? true
    } else {
      throw new UsageError(`There is no option ${rawName}.${hint(name, Object.keys(options), '--')}`)
    }
  }
  const { positionals } = parsed
  const [word, ...rest] = positionals[0] === 'help' ? positionals.slice(1) : positionals
  if (asked.has('help') || positionals[0] === 'help')
    return { command: 'help', text: word === undefined ? help() : helpOf(nameOf(word)) }
  if (asked.has('version')) return { command: 'version' }
  const command = nameOf(word ?? 'serve')
  checkArguments(command, rest)
  checkOptions(command, Object.keys(own))
  return { command, args: rest, flags, options: own as CommandOptions }
}

function isCommandOption(name: string): name is CommandOption {
  return Object.hasOwn(commandOptions, name)
}

function checkOptions(command: CommandName, given: readonly string[]): void {
  const { options: known = [] }: Described = commands[command]
  const wrong = given.find((name) => !known.some((one) => one === name))
  if (wrong !== undefined) throw new UsageError(`The command '${command}' has no option --${wrong}.`)
}

function nameOf(word: string): CommandName {
  if (Object.hasOwn(commands, word)) return word as CommandName
  throw new UsageError(`There is no command '${word}'.${hint(word, Object.keys(commands), '')}`)
}

function checkArguments(command: CommandName, given: string[]): void {
  const expected: readonly string[] = commands[command].args
  for (const [index, name] of expected.entries()) {
    const value = given[index]
    if (value === undefined) {
      if (name.startsWith('[')) continue
      throw new UsageError(`The command '${command}' needs ${name}: ${usage(command)}`)
    }
    const choices = name.split('|')
    if (choices.length > 1 && !choices.includes(value)) {
      throw new UsageError(
        `The command '${command}' has no '${value}'.${hint(value, choices, `${command} `)}`,
      )
    }
  }
  const extra = given[expected.length]
  if (extra !== undefined) throw new UsageError(`The command '${command}' takes no argument '${extra}'.`)
}

function usage(command: CommandName): string {
  return ['spool', command, ...commands[command].args].join(' ')
}

function help(): string {
  const names = Object.keys(commands) as CommandName[]
  const calls = names.map((name) => [name, ...commands[name].args].join(' '))
  const width = Math.max(...calls.map((call) => call.length)) + 2
  const lines = names.map((name, index) => `  ${calls[index]?.padEnd(width)}${commands[name].summary}`)
  return `Usage: spool [command] [options]     (in a clone: npm start -- [command] [options])

Commands:
${lines.join('\n')}

${optionHelp}`
}

function helpOf(command: CommandName): string {
  const { summary, details, options: own = [] }: Described = commands[command]
  const lines = own.map((name) => {
    const { value, help: text } = commandOptions[name]
    return `  ${`--${name} ${value ?? ''}`.padEnd(20)}${text}\n`
  })
  return `Usage: ${usage(command)} [options]

  ${summary}.${details === undefined ? '' : `\n  ${details}`}

${optionHelp.replace('\n', `\n${lines.join('')}`)}`
}

function hint(word: string, known: readonly string[], prefix: string): string {
  const near = nearest(word, known)
  return near ? ` Did you mean ${prefix}${near}?` : ' --help lists all of them.'
}
