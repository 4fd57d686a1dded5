/** Checks of settings that are valid one by one but cannot be used together, or are probably a mistake. */
import { networkInterfaces } from 'node:os'
import type { ModelSettings } from '../models/settings.ts'
import { isLoopbackName } from '../util/loopback.ts'
import { ConfigError } from './config-error.ts'
import type { Settings } from './settings.ts'

/** Without keys everyone who reaches the port can use the server, so it must listen on this machine only. */
export function checkReach({ host, api_keys, insecure }: Settings): void {
  if (isLoopbackName(host) || api_keys.length > 0 || insecure) return
  throw new ConfigError(
    `Without SPOOL_API_KEY the server listens on this machine only, and HOST is ${host}. ` +
      'Set SPOOL_API_KEY, or SPOOL_INSECURE=1 if everyone who reaches it may use it.',
  )
}

export function checkTls({ tls_cert, tls_key }: Settings): void {
  if ((tls_cert === undefined) === (tls_key === undefined)) return
  const [given, missing] = tls_cert
    ? ['SPOOL_TLS_CERT', 'SPOOL_TLS_KEY']
    : ['SPOOL_TLS_KEY', 'SPOOL_TLS_CERT']
  throw new ConfigError(`${given} is set and ${missing} is not: https needs a certificate and its key.`)
}

export function checkRoles({ roles, database_url }: Settings): void {
  if (database_url || new Set(roles).size === 2) return
  throw new ConfigError(
    'SPOOL_ROLES names one role, and the embedded database serves one process, which needs both. ' +
      'Set DATABASE_URL to split them.',
  )
}

/** A provider with this server's own address would send each run back to this server. */
export function checkProviders(
  { providers }: ModelSettings,
  { host, port }: Settings,
  { sources, warnings }: { sources: ReadonlyMap<string, string>; warnings: string[] },
): void {
  for (const [name, provider] of Object.entries(providers)) {
    if (provider.type !== 'openai') continue
    const url = new URL(provider.base_url)
    const key = `providers.${name}.base_url`
    const place = sources.get(key) ?? `'${key}'`
    if (isOwnAddress(url, { host, port })) {
      throw new ConfigError(
        `${place} is ${provider.base_url}, where this server listens itself. Name the model server's address, or another PORT.`,
      )
    }
    if (url.pathname === '/') {
      warnings.push(`${place} has no path: most servers answer at ${url.origin}/v1.`)
    }
  }
}

function isOwnAddress(url: URL, { host, port }: { host: string; port: number }): boolean {
  const urlPort = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  if (urlPort !== port) return false
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (name === host) return true
  const isEverywhere = host === '0.0.0.0' || host === '::'
  if (isLoopbackName(name) || name === '0.0.0.0' || name === '::') return isEverywhere || isLoopbackName(host)
  const own = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address))
  return isEverywhere && own.includes(name)
}
