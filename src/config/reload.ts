/** Decides which changed settings a running server applies, and which need a restart. */
import { isDeepStrictEqual } from 'node:util'
import { checkReach } from './checks.ts'
import type { Config } from './config.ts'
import { Settings } from './settings.ts'

/** The settings that a running server applies -> their keys in `Config`. */
export const reloadable: Partial<Record<keyof Settings, keyof Config>> = {
  providers: 'models',
  models: 'models',
  demo_model: 'models',
  default_embedder: 'models',
  context_windows: 'models',
  model_facts: 'models',
  retired_models: 'models',
  discovery: 'discovery',
  api_keys: 'keys',
  insecure: 'insecure',
  cors_origins: 'corsOrigins',
  strict_beta: 'strictBeta',
  allow_all_downloads: 'allowAllDownloads',
  max_file_mb: 'maxFileBytes',
  max_connections: 'maxConnections',
  max_requests: 'maxRequests',
  max_project_requests: 'maxProjectRequests',
  max_runs: 'maxRuns',
  max_queued_runs: 'maxQueuedRuns',
  max_project_runs: 'maxProjectRuns',
  max_ingests: 'maxIngests',
  run_expires_seconds: 'runExpiresSeconds',
  run_log_days: 'runLogDays',
  trace_days: 'traceDays',
  drain_seconds: 'drainSeconds',
}

export interface Reloaded {
  /** The running settings with the changes that are applied. */
  config: Config
  /** The keys of changed settings that are applied. */
  changed: string[]
  /** The keys of changed settings that need a restart. */
  needs_restart: string[]
}

/** Throws `ConfigError` when the new settings conflict with those that are kept. */
export function mergeReloaded(running: Config, next: Config): Reloaded {
  const keys = Object.keys(Settings.shape) as (keyof Settings)[]
  const different = keys.filter((key) => !isDeepStrictEqual(running.settings[key], next.settings[key]))
  const changed = different.filter((key) => reloadable[key] !== undefined)
  const pick = (from: object, names: readonly string[]) =>
    Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)))
  const settings = { ...running.settings, ...pick(next.settings, changed) }
  // The address is kept until a restart. When other machines reach it, the keys must not be removed.
  checkReach(settings)
  const fields = changed.map((key) => reloadable[key] ?? '')
  return {
    config: Object.freeze({ ...running, ...pick(next, fields), settings }),
    changed,
    needs_restart: different.filter((key) => reloadable[key] === undefined),
  }
}
