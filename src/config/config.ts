/** Environment and config file become one frozen object; nothing else reads `process.env`. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { BlobStoreSettings } from '../blobs/settings.ts'
import { ModelSettings } from '../models/settings.ts'
import { nearest } from '../util/nearest.ts'

const port = z.int().min(0).max(65_535)
const seconds = z.int().min(1)
const SandboxChoice = z.enum(['auto', 'bwrap', 'landlock', 'deno', 'off'])

/** What may stand in spool.config.json; the environment wins over it. */
export const ConfigFile = z.strictObject({
  host: z.string().min(1).optional(),
  port: port.optional(),
  data_dir: z.string().min(1).optional(),
  database_url: z.string().min(1).optional(),
  /** Connections to the database. */
  database_pool: z.int().min(2).max(200).optional(),
  roles: z
    .array(z.enum(['api', 'worker']))
    .min(1)
    .optional(),
  /** `key` or `key@project`. */
  api_keys: z.array(z.string().min(1)).optional(),
  insecure: z.boolean().optional(),
  cors_origins: z.array(z.string().min(1)).optional(),
  run_expires_seconds: seconds.optional(),
  drain_seconds: z.int().min(0).optional(),
  /** Days that the log of an ended run is kept; 0 keeps it as long as its thread. */
  run_log_days: z.int().min(0).optional(),
  /** Runs that one process works on at once. */
  max_runs: z.int().min(1).optional(),
  /** Files that one process brings into vector stores at once. */
  max_ingests: z.int().min(1).max(64).optional(),
  /** What may be kept in memory of vector stores that are searched, MiB. */
  search_memory_mb: z.int().min(16).optional(),
  /** Where vectors are compared: in this process, or in a database that has the pgvector extension. */
  vector_index: z.enum(['exact', 'pgvector']).optional(),
  /** Largest JSON body, MiB. */
  body_limit_mb: z.int().min(1).max(1024).optional(),
  /** false: the OpenAI-Beta header may be left out. */
  strict_beta: z.boolean().optional(),
  /** Where file contents live; a folder is relative to this file. */
  blobs: BlobStoreSettings.optional(),
  /** Largest file in one request, MiB; larger ones come as uploads. */
  max_file_mb: z.int().min(1).max(8192).optional(),
  /** true: contents of files of every purpose may be downloaded. */
  allow_all_downloads: z.boolean().optional(),
  /** Where the cells of code_interpreter run. */
  sandbox: z
    .strictObject({
      driver: SandboxChoice.optional(),
      python: z.string().min(1).optional(),
      /** Whether the Deno sandbox may fetch Pyodide's packages (numpy, pandas …) from their CDN. */
      downloads: z.boolean().optional(),
    })
    .optional(),
  log_level: z.enum(['info', 'warn', 'error']).optional(),
  ...ModelSettings.partial().shape,
})
type ConfigFile = z.infer<typeof ConfigFile>

export interface Config {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly databasePool: number
  readonly roles: ReadonlySet<'api' | 'worker'>
  /** Key -> project; empty when any key is accepted. */
  readonly keys: ReadonlyMap<string, string>
  readonly insecure: boolean
  readonly corsOrigins: readonly string[]
  readonly runExpiresSeconds: number
  readonly drainSeconds: number
  /** 0: as long as the thread. */
  readonly runLogDays: number
  readonly maxRuns: number
  readonly maxIngests: number
  readonly searchMemoryBytes: number
  readonly vectorIndex: 'exact' | 'pgvector'
  readonly bodyLimitBytes: number
  readonly strictBeta: boolean
  readonly blobs: BlobStoreSettings
  readonly maxFileBytes: number
  readonly allowAllDownloads: boolean
  readonly sandbox: {
    choice: z.infer<typeof SandboxChoice>
    pythonPath: string | undefined
    downloads: boolean
  }
  readonly logLevel: 'info' | 'warn' | 'error'
  readonly models: ModelSettings
}

/** A setting that cannot be obeyed; the message is a sentence for the person who wrote it. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

type Environment = Record<string, string | undefined>

/** Throws `ConfigError`. */
export function readConfig(environment: Environment = process.env): Config {
  const file = readFile(environment)
  const keys = parseKeys(list(environment.SPOOL_API_KEY) ?? file.api_keys ?? [])
  const databaseUrl = environment.DATABASE_URL || file.database_url
  const dataDir = resolve(environment.SPOOL_DATA_DIR || file.data_dir || './data')
  const config: Config = {
    host: environment.HOST || file.host || '127.0.0.1',
    port: number(environment, 'PORT', port) ?? file.port ?? 8080,
    dataDir,
    databaseUrl,
    databasePool: number(environment, 'SPOOL_DATABASE_POOL', z.int().min(2)) ?? file.database_pool ?? 10,
    roles: parseRoles(list(environment.SPOOL_ROLES) ?? file.roles ?? ['api', 'worker'], databaseUrl),
    keys,
    insecure: flag(environment, 'SPOOL_INSECURE') ?? file.insecure ?? false,
    corsOrigins: list(environment.SPOOL_CORS_ORIGINS) ?? file.cors_origins ?? [],
    runExpiresSeconds:
      number(environment, 'SPOOL_RUN_EXPIRES_SECONDS', seconds) ?? file.run_expires_seconds ?? 600,
    drainSeconds: number(environment, 'SPOOL_DRAIN_SECONDS', z.int().min(0)) ?? file.drain_seconds ?? 25,
    runLogDays: number(environment, 'SPOOL_RUN_LOG_DAYS', z.int().min(0)) ?? file.run_log_days ?? 30,
    maxRuns: number(environment, 'SPOOL_MAX_RUNS', z.int().min(1)) ?? file.max_runs ?? 512,
    maxIngests: number(environment, 'SPOOL_MAX_INGESTS', z.int().min(1)) ?? file.max_ingests ?? 2,
    vectorIndex: file.vector_index ?? 'exact',
    searchMemoryBytes: (file.search_memory_mb ?? 512) * 1024 * 1024,
    bodyLimitBytes: (file.body_limit_mb ?? 32) * 1024 * 1024,
    strictBeta: flag(environment, 'SPOOL_STRICT_BETA') ?? file.strict_beta ?? true,
    blobs: file.blobs ?? { type: 'disk', folder: join(dataDir, 'blobs') },
    maxFileBytes: (file.max_file_mb ?? 512) * 1024 * 1024,
    allowAllDownloads: flag(environment, 'SPOOL_ALLOW_ALL_DOWNLOADS') ?? file.allow_all_downloads ?? false,
    sandbox: {
      choice: oneOf(environment, 'SPOOL_SANDBOX', SandboxChoice) ?? file.sandbox?.driver ?? 'auto',
      pythonPath: environment.SPOOL_PYTHON || file.sandbox?.python,
      downloads: flag(environment, 'SPOOL_SANDBOX_DOWNLOADS') ?? file.sandbox?.downloads ?? false,
    },
    logLevel: file.log_level ?? 'info',
    models: modelSettings(environment, file),
  }
  checkReach(config)
  return Object.freeze(config)
}

function readFile(environment: Environment): ConfigFile {
  const path = resolve(environment.SPOOL_CONFIG || 'spool.config.json')
  if (!existsSync(path)) {
    if (environment.SPOOL_CONFIG) throw new ConfigError(`SPOOL_CONFIG names ${path}, which does not exist.`)
    return {}
  }
  const parsed = ConfigFile.safeParse(expand(readJson(path), environment, path))
  if (!parsed.success) throw new ConfigError(`${path}: ${explain(parsed.error)}`)
  const { data_dir, blobs } = parsed.data
  const here = (folder: string) => resolve(dirname(path), folder)
  return {
    ...parsed.data,
    ...(data_dir && { data_dir: here(data_dir) }),
    ...(blobs?.type === 'disk' && { blobs: { ...blobs, folder: here(blobs.folder) } }),
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ConfigError(`${path} is not valid JSON: ${String(error)}`)
  }
}

/** `${NAME}` inside a text stands for that variable, so that keys need not stand in the file. */
function expand(value: unknown, environment: Environment, path: string): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const found = environment[name]
      if (found === undefined) throw new ConfigError(`${path} uses \${${name}}, which is not set.`)
      return found
    })
  }
  if (Array.isArray(value)) return value.map((one) => expand(one, environment, path))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expand(one, environment, path)]))
}

function explain(error: z.ZodError): string {
  // A mistyped key is the likely reason for one that is missing.
  const issue = error.issues.find((one) => one.code === 'unrecognized_keys') ?? error.issues[0]
  if (!issue) return 'something is wrong.'
  const place = issue.path.join('.')
  if (issue.code !== 'unrecognized_keys') return `'${place}': ${issue.message}`
  const [key = ''] = issue.keys
  const known = place === '' ? Object.keys(ConfigFile.shape) : place === 'blobs' ? blobKeys : providerKeys
  const near = nearest(key, known)
  const hint = near ? ` Did you mean '${near}'?` : ` Known are: ${known.join(', ')}.`
  return `unknown key '${place === '' ? key : `${place}.${key}`}'.${hint}`
}

/** Keys of providers and of blob stores, for the hint. */
const providerKeys = keysOf(ModelSettings.shape.providers.valueType.options)
const blobKeys = keysOf(BlobStoreSettings.options)

function keysOf(options: readonly z.ZodObject[]): string[] {
  return [...new Set(options.flatMap((option) => Object.keys(option.shape)))]
}

function list(text: string | undefined): string[] | undefined {
  if (!text) return undefined
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function number(environment: Environment, name: string, schema: z.ZodType<number>): number | undefined {
  const text = environment[name]
  if (!text) return undefined
  const parsed = schema.safeParse(Number(text))
  if (!parsed.success)
    throw new ConfigError(`${name}=${text} cannot be used: ${parsed.error.issues[0]?.message}.`)
  return parsed.data
}

function oneOf<Value extends string>(
  environment: Environment,
  name: string,
  schema: z.ZodType<Value>,
): Value | undefined {
  const text = environment[name]
  if (!text) return undefined
  const parsed = schema.safeParse(text)
  if (!parsed.success)
    throw new ConfigError(`${name}=${text} cannot be used: ${parsed.error.issues[0]?.message}.`)
  return parsed.data
}

function flag(environment: Environment, name: string): boolean | undefined {
  const text = environment[name]
  if (!text) return undefined
  if (['1', 'true', 'yes'].includes(text.toLowerCase())) return true
  if (['0', 'false', 'no'].includes(text.toLowerCase())) return false
  throw new ConfigError(`${name}=${text} cannot be used: write 1 or 0.`)
}

function parseKeys(keys: readonly string[]): Map<string, string> {
  return new Map(
    keys.map((entry) => {
      const at = entry.lastIndexOf('@')
      return at > 0 ? [entry.slice(0, at), entry.slice(at + 1) || 'default'] : [entry, 'default']
    }),
  )
}

function parseRoles(roles: readonly string[], databaseUrl: string | undefined): Set<'api' | 'worker'> {
  const known = new Set<'api' | 'worker'>()
  for (const role of roles) {
    if (role !== 'api' && role !== 'worker') {
      throw new ConfigError(`SPOOL_ROLES names '${role}'; roles are api and worker.`)
    }
    known.add(role)
  }
  if (!databaseUrl && known.size < 2) {
    throw new ConfigError(
      'The embedded database serves one process, which needs both roles. Set DATABASE_URL to split them.',
    )
  }
  return known
}

function modelSettings(environment: Environment, file: ConfigFile): ModelSettings {
  const { OPENAI_API_KEY: api_key, OPENAI_BASE_URL } = environment
  const providers = { ...file.providers }
  const models = { ...file.models }
  if ((api_key || OPENAI_BASE_URL) && !providers.openai) {
    const base_url = OPENAI_BASE_URL || 'https://api.openai.com/v1'
    providers.openai = { type: 'openai', base_url, ...(api_key && { api_key }) }
    models['*'] ??= 'openai'
  }
  const { default_embedder, context_windows } = file
  return {
    providers,
    models,
    ...(default_embedder && { default_embedder }),
    ...(context_windows && { context_windows }),
  }
}

/** Anyone who reaches a server without keys can use it: then nobody but this machine may. */
function checkReach(config: Config): void {
  const isLoopback = ['127.0.0.1', 'localhost', '::1'].includes(config.host) || config.host.startsWith('127.')
  if (isLoopback || config.keys.size > 0 || config.insecure) return
  throw new ConfigError(
    `Without SPOOL_API_KEY the server listens on this machine only, and HOST is ${config.host}. ` +
      'Set SPOOL_API_KEY, or SPOOL_INSECURE=1 if everyone who reaches it may use it.',
  )
}
