/** Ids and times of objects of other services. One source gives the same ids each time, so no object is imported twice. */
import { createHash } from 'node:crypto'
import { idPrefixes } from '../util/ids.ts'

/** The id itself where it is one of the API, else one that is computed from it. */
export function ownId(kind: 'thread' | 'message' | 'assistant', foreign: string): string {
  const prefix = idPrefixes[kind]
  return foreign.startsWith(prefix) ? foreign : computedId(kind, foreign)
}

/** An id that depends on nothing but the parts. */
export function computedId(kind: 'thread' | 'message' | 'assistant', ...parts: (string | number)[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
  return idPrefixes[kind] + hash.replaceAll(/[-_]/g, '').slice(0, 24)
}

/** A larger number counts milliseconds. */
const mostSeconds = 100_000_000_000

/** Unix seconds of a time in seconds, milliseconds or ISO 8601; undefined for anything else. */
export function secondsOf(value: unknown): number | undefined {
  if (value === null || value === undefined || value === '') return undefined
  const number = Number(value)
  if (Number.isFinite(number)) return Math.floor(number > mostSeconds ? number / 1000 : number)
  const ms = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000)
}

/** The first of the fields that holds some text. */
export function textAt(value: Record<string, unknown>, ...names: string[]): string | undefined {
  for (const name of names) {
    const field = value[name]
    if (typeof field === 'string' && field !== '') return field
    if (typeof field === 'number') return String(field)
  }
  return undefined
}
