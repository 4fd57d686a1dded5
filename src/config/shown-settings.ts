/** The settings in use, without secrets. */
import { isObject } from '../util/is-object.ts'
import { listSettings, valueAt } from './setting-list.ts'
import type { Settings } from './settings.ts'

/** Shown in place of a secret. */
const hidden = '(set)'
const secret = /key|secret|token|password|headers/i

/** Each setting by its key in the config file. */
export function shownSettings(settings: Settings): { name: string; value: unknown }[] {
  const names = new Set(listSettings().map(({ path }) => path.join('.')))
  return [...names].map((name) => {
    const value = valueAt(settings, name.split('.'))
    return { name, value: name === 'api_keys' ? countOf(value) : shown(value, name) }
  })
}

function countOf(keys: unknown): string | null {
  return Array.isArray(keys) && keys.length > 0 ? `${keys.length} (set)` : null
}

function shown(value: unknown, name: string): unknown {
  if (value === undefined || value === null) return null
  if (secret.test(name.split('.').at(-1) ?? '')) return hidden
  if (typeof value === 'string') return withoutPassword(value)
  if (Array.isArray(value)) return value.map((one) => shown(one, ''))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shown(one, key)]))
}

/** Removes the password from an address. */
export function withoutPassword(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1…@')
}
