/** Reads environment variables into the keys of the config file. */
import { nearest } from '../util/nearest.ts'
import { isObject } from '../util/is-object.ts'
import { parseJson } from '../util/parse-json.ts'
import { ConfigError } from './config-error.ts'
import { listSettings, type Setting } from './setting-list.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface FromEnvironment {
  /** Shaped like the config file. */
  values: Record<string, unknown>
  /** Key with dots -> the variable that set it. */
  sources: Map<string, string>
}

/** Variables that are not settings: the path of the file, the key of a pull, and shortcuts for one provider. */
const otherVariables = ['SPOOL_CONFIG', 'SPOOL_PULL_KEY', 'OPENAI_API_KEY', 'OPENAI_BASE_URL']

/** An empty variable counts as not set. Throws `ConfigError` for text that cannot be read. */
export function readEnvironment(environment: Environment): FromEnvironment {
  const settings = listSettings()
  refuseUnknown(environment, settings)
  const values: Record<string, unknown> = {}
  const sources = new Map<string, string>()
  for (const setting of settings) {
    const { path, variable = '' } = setting
    const text = environment[variable]
    if (!text) continue
    const parent = parentOf(values, path)
    if (setting.type !== undefined) setType(parent, setting.type, { path, variable })
    parent[path.at(-1) ?? ''] = parse(setting, variable, text)
    sources.set(path.join('.'), variable)
  }
  return { values, sources }
}

/** The object that contains the last key of the path; creates missing objects. */
function parentOf(values: Record<string, unknown>, path: string[]): Record<string, unknown> {
  let parent = values
  for (const key of path.slice(0, -1)) parent = (parent[key] ??= {}) as Record<string, unknown>
  return parent
}

/** A variable of an alternative, such as S3, also chooses its `type`. */
function setType(
  parent: Record<string, unknown>,
  type: string,
  { path, variable }: { path: string[]; variable: string },
): void {
  const chosen = (parent.type ??= type)
  if (chosen === type) return
  throw new ConfigError(
    `${variable} is set together with variables of another kind of '${path[0]}'. Remove one of them.`,
  )
}

function parse({ kind }: Setting, variable: string, text: string): unknown {
  switch (kind) {
    case 'text':
      return text
    case 'number':
      return /^-?\d+$/.test(text) ? Number(text) : text
    case 'flag':
      return parseFlag(variable, text)
    case 'list':
      return parseList(variable, text)
    case 'json':
      return parseObject(variable, text)
  }
}

function parseFlag(variable: string, text: string): boolean {
  if (['1', 'true', 'yes', 'on'].includes(text.toLowerCase())) return true
  if (['0', 'false', 'no', 'off'].includes(text.toLowerCase())) return false
  throw new ConfigError(`${variable}=${text} cannot be used: write 1 or 0.`)
}

function parseList(variable: string, text: string): string[] {
  const items = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  // `SPOOL_API_KEY=,` must not count as a server without keys.
  if (items.length === 0) throw new ConfigError(`${variable} is set, but its list is empty.`)
  return items
}

function parseObject(variable: string, text: string): unknown {
  const value = parseJson(text)
  // The message does not contain the text, because it may contain keys.
  if (!isObject(value)) throw new ConfigError(`${variable} must be a JSON object, as in the config file.`)
  return value
}

/** A misspelt SPOOL_API_KEY must not start an open server. */
function refuseUnknown(environment: Environment, settings: Setting[]): void {
  const known = [...settings.map(({ variable = '' }) => variable), ...otherVariables]
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!/^SPOOL_/i.test(name) || known.includes(name) || isServiceLink(name, value)) continue
    const bare = name.slice('SPOOL_'.length).toUpperCase()
    const near = known.includes(bare) ? bare : nearest(name, known)
    const hint = near ? ` Did you mean ${near}?` : ' docs/configuration.md lists all of them.'
    throw new ConfigError(`The environment variable ${name} is not a setting.${hint}`)
  }
}

/** Kubernetes sets such variables in every container beside a service named `spool`. */
function isServiceLink(name: string, value: string): boolean {
  const link = /^SPOOL_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/
  return link.test(name) || (/^SPOOL_(\w+_)?PORT$/.test(name) && value.includes('://'))
}

/**
 * The keys of the services that `pull` reads from, in the variables that the services' own clients use. An empty variable
 * counts as not set.
 */
export function pullKeysOf(
  environment: Environment,
): Partial<Record<'openai' | 'azure' | 'azureToken' | 'spool', string | undefined>> {
  const { OPENAI_API_KEY, AZURE_OPENAI_API_KEY, AZURE_OPENAI_AD_TOKEN, SPOOL_PULL_KEY } = environment
  return {
    openai: OPENAI_API_KEY || undefined,
    /** Sent as `api-key`. */
    azure: AZURE_OPENAI_API_KEY || undefined,
    /** Sent as a bearer token. */
    azureToken: AZURE_OPENAI_AD_TOKEN || undefined,
    spool: SPOOL_PULL_KEY || undefined,
  }
}
