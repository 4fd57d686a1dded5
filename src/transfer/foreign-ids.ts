/**
 * Ids and times of objects of other services. The same source always gets the same ids, so no object is imported twice.
 */
import { createHash } from 'node:crypto'
import { idPrefixes } from '../util/ids.ts'

/** The id itself when it is an id of the API, else an id that is computed from it. */
export function ownId(kind: 'thread' | 'message' | 'assistant', foreign: string): string {
  const prefix = idPrefixes[kind]
  return foreign.startsWith(prefix) ? foreign : computedId(kind, foreign)
}

/** An id that depends on the parts only. */
export function computedId(kind: 'thread' | 'message' | 'assistant', ...parts: (string | number)[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
  return idPrefixes[kind] + hash.replaceAll(/[-_]/g, '').slice(0, 24)
}

/** Larger numbers are milliseconds, up to the same date. A number beyond that is kept unchanged. */
const mostSeconds = 100_000_000_000

const zone = /\b(utc|gmt)|z$|[+-]\d\d(:?\d\d)?$/i

/**
 * Unix seconds of a time in seconds, milliseconds or ISO 8601, which is UTC without a zone; undefined for anything
 * else.
 */
export function secondsOf(value: unknown): number | undefined {
  const text = typeof value === 'string' ? value.trim() : ''
  if (typeof value === 'number' || /^-?\d+(\.\d+)?$/.test(text)) {
    const number = Number(value)
    if (!Number.isFinite(number)) return undefined
    const isMs = number > mostSeconds && number <= mostSeconds * 1000
    return Math.floor(isMs ? number / 1000 : number)
  }
  if (!/\d{4}/.test(text)) return undefined
  const ms = Date.parse(zone.test(text) ? text : `${text}Z`)
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000)
}

/** The first of the fields that has a text that is not empty. */
export function textAt(value: Record<string, unknown>, ...names: string[]): string | undefined {
  for (const name of names) {
    const field = value[name]
    if (typeof field === 'string' && field !== '') return field
    if (typeof field === 'number') return String(field)
  }
  return undefined
}
