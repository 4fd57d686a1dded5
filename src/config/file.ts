/** The config file: JSON, in which `${NAME}` is replaced by an environment variable. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isObject } from '../util/is-object.ts'
import { ConfigError } from './config-error.ts'
import type { Environment } from './environment.ts'
import { messageOf } from '../util/describe-error.ts'

export interface FromFile {
  /** Absolute path; undefined when there is no file. */
  path: string | undefined
  values: Record<string, unknown>
  /** Values that were left out because they use a variable that is not set: key with dots -> the variable. */
  unset: Map<string, string>
}

/** Reads the file that `SPOOL_CONFIG` names, else `spool.config.json` if it exists. Throws `ConfigError`. */
export function readConfigFile(environment: Environment): FromFile {
  const path = resolve(environment.SPOOL_CONFIG || 'spool.config.json')
  const unset = new Map<string, string>()
  if (!existsSync(path)) {
    if (environment.SPOOL_CONFIG) throw new ConfigError(`SPOOL_CONFIG names ${path}, which does not exist.`)
    return { path: undefined, values: {}, unset }
  }
  const values = expand(readJson(path), [], { environment, path, unset })
  if (!isObject(values)) throw new ConfigError(`${path} must contain a JSON object.`)
  return { path, values: withAbsolutePaths(values, dirname(path)), unset }
}

function readJson(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${messageOf(error)}.`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigError(`${path} is not valid JSON: ${String(error)}`)
  }
}

interface Expansion {
  environment: Environment
  path: string
  unset: Map<string, string>
}

/**
 * Replaces variables in all texts. A value of a provider that uses an unset variable is left out, so that a file may
 * name several providers and a user may have the key of one. Anywhere else an unset variable is an error.
 */
function expand(value: unknown, at: string[], expansion: Expansion): unknown {
  if (typeof value === 'string') return expandText(value, at, expansion)
  if (Array.isArray(value)) return value.map((one, index) => expand(one, [...at, String(index)], expansion))
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(
    ([key, one]) => [key, expand(one, [...at, key], expansion)] as const,
  )
  return Object.fromEntries(entries.filter(([, one]) => one !== undefined))
}

function expandText(text: string, at: string[], { environment, path, unset }: Expansion): string | undefined {
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name)
  const missing = names.find((name) => !environment[name])
  if (missing === undefined)
    return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => environment[name] ?? '')
  if (at[0] !== 'providers') throw new ConfigError(`${path} uses \${${missing}}, which is not set.`)
  unset.set(at.join('.'), missing)
  return undefined
}

/** Makes paths in the file absolute; they are relative to the file. */
function withAbsolutePaths(values: Record<string, unknown>, folder: string): Record<string, unknown> {
  const { blobs } = values
  const paths = ['data_dir', 'tls_cert', 'tls_key'].flatMap((key) => {
    const path = values[key]
    return typeof path === 'string' && path !== '' ? [[key, resolve(folder, path)]] : []
  })
  return {
    ...values,
    ...Object.fromEntries(paths),
    ...(isObject(blobs) &&
      typeof blobs.folder === 'string' &&
      blobs.folder !== '' && { blobs: { ...blobs, folder: resolve(folder, blobs.folder) } }),
  }
}
