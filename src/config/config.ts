/** Environment and config file become one frozen object; nothing else reads `process.env`. */
import { join, resolve } from 'node:path'
import type { BlobStoreSettings } from '../blobs/settings.ts'
import { isObject } from '../util/is-object.ts'
import { checkProviders, checkReach, checkRoles, checkTls } from './checks.ts'
import { ConfigError } from './config-error.ts'
import { pullKeysOf, readEnvironment, type Environment } from './environment.ts'
import { explain } from './explain.ts'
import { readConfigFile } from './file.ts'
import { modelSettings, providersOf } from './models.ts'
import { Settings } from './settings.ts'

/** Absolute paths. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/** The settings in use, with absolute paths, and with numbers in the units that the server uses. */
export type Config = ReturnType<typeof readConfig>

const mebibyte = 1024 * 1024

/** `flags` are variables from the command line and win over the environment. Throws `ConfigError`. */
export function readConfig(flags: Environment = {}, variables: Environment = process.env) {
  const environment = { ...variables, ...flags }
  const { settings, sources, warnings, found } = readSettings(environment)
  const models = modelSettings(settings, { found, warnings })
  checkReach(settings)
  checkTls(settings)
  checkRoles(settings)
  checkProviders(models, settings, { sources, warnings })
  const dataDir = resolve(settings.data_dir)
  return Object.freeze({
    host: settings.host,
    port: settings.port,
    /** Paths of PEM files; undefined where the server speaks plain http. */
    tls: tlsFiles(settings),
    dataDir,
    databaseUrl: settings.database_url,
    databasePool: settings.database_pool,
    databaseTimeoutMs: settings.database_timeout_seconds * 1000,
    roles: new Set(settings.roles) as ReadonlySet<'api' | 'worker'>,
    /** Key -> project; empty when any key is accepted. */
    keys: parseKeys(settings.api_keys),
    insecure: settings.insecure,
    corsOrigins: settings.cors_origins,
    runExpiresSeconds: settings.run_expires_seconds,
    drainSeconds: settings.drain_seconds,
    /** 0: kept as long as the thread. */
    runLogDays: settings.run_log_days,
    traceDays: settings.trace_days,
    console: settings.console,
    /** All settings by their keys in the config file, with secrets. Show `shownSettings` instead. */
    settings,
    maxRuns: settings.max_runs,
    maxQueuedRuns: settings.max_queued_runs,
    maxProjectRuns: settings.max_project_runs,
    maxIngests: settings.max_ingests,
    searchMemoryBytes: settings.search_memory_mb * mebibyte,
    bodyLimitBytes: settings.body_limit_mb * mebibyte,
    requestTimeoutMs: settings.request_timeout_seconds * 1000,
    maxConnections: settings.max_connections,
    maxRequests: settings.max_requests,
    maxProjectRequests: settings.max_project_requests,
    strictBeta: settings.strict_beta,
    blobs: settings.blobs ?? ({ type: 'disk', folder: join(dataDir, 'blobs') } satisfies BlobStoreSettings),
    maxFileBytes: settings.max_file_mb * mebibyte,
    minFreeDiskBytes: settings.min_free_disk_mb * mebibyte,
    allowAllDownloads: settings.allow_all_downloads,
    /** The program with its arguments, and the PATH in which it is searched. */
    ocr: ocrOf(settings, environment),
    sandbox: sandboxOf(settings),
    logLevel: settings.log_level,
    models,
    pullKeys: pullKeysOf(environment),
    discovery: settings.discovery,
    modelSource: settings.model_source,
    downloads: settings.downloads,
    /** Whether npm started this process: npm does not always pass a signal on. */
    startedByNpm: environment.npm_lifecycle_event !== undefined,
    /** Messages about settings that work but are probably a mistake. */
    warnings: warnings as readonly string[],
  })
}

interface ReadSettings {
  settings: Settings
  /** Key with dots -> the variable that set it. */
  sources: Map<string, string>
  warnings: string[]
  /** The providers that the usual variables configure. */
  found: ReturnType<typeof providersOf>
}

function readSettings(environment: Environment): ReadSettings {
  const file = readConfigFile(environment)
  const { values, sources } = readEnvironment(environment)
  const written = { ...file.values, ...values, ...mergedSections(file.values, values) }
  const found = providersOf(environment, written.providers)
  for (const { name, provider, urlVariable } of found) {
    written.providers = { ...(isObject(written.providers) && written.providers), [name]: provider }
    if (urlVariable) sources.set(`providers.${name}.base_url`, urlVariable)
  }
  const parsed = Settings.safeParse(written)
  if (!parsed.success) {
    throw new ConfigError(explain(parsed.error, written, { file: file.path, sources, unset: file.unset }))
  }
  const warnings = [...file.unset].map(
    ([key, variable]) => `${file.path}: '${key}' is left out: it uses \${${variable}}, which is not set.`,
  )
  return { settings: parsed.data, sources, warnings, found }
}

/** Settings with several keys: file and environment may each set some of them. */
const sections = ['sandbox', 'blobs']

/** The environment wins key by key. A blob store of another type replaces all keys of the file's blob store. */
function mergedSections(file: Record<string, unknown>, environment: Record<string, unknown>): object {
  const merged = sections.flatMap((key) => {
    const [first, second] = [file[key], environment[key]]
    const isSameKind = isObject(first) && isObject(second) && first.type === second.type
    return isSameKind ? [[key, { ...first, ...second }]] : []
  })
  return Object.fromEntries(merged)
}

function ocrOf(
  { ocr_command }: Settings,
  { PATH: path }: Environment,
): { command: readonly string[]; path: string | undefined } | undefined {
  return ocr_command === undefined ? undefined : { command: ocr_command.split(/\s+/), path }
}

function sandboxOf({ sandbox: { driver, python, downloads, memory_mb } }: Settings) {
  const limits = memory_mb === undefined ? {} : { totalMemoryMb: memory_mb }
  return { choice: driver, pythonPath: python, downloads, ...limits }
}

function tlsFiles({ tls_cert, tls_key }: Settings): TlsFiles | undefined {
  return tls_cert && tls_key ? { cert: resolve(tls_cert), key: resolve(tls_key) } : undefined
}

function parseKeys(keys: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    keys.map((entry) => {
      const at = entry.lastIndexOf('@')
      return at > 0 ? [entry.slice(0, at), entry.slice(at + 1) || 'default'] : [entry, 'default']
    }),
  )
}
