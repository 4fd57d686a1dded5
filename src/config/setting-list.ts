/** The declared settings as a flat list, and the keys that are allowed at a path of the config file. */
import { z } from 'zod'
import { Settings } from './settings.ts'

export interface Setting {
  /** Keys from the top of the config file: `['sandbox', 'driver']`. */
  path: string[]
  /** Undefined for a setting without a variable, which a test forbids. */
  variable: string | undefined
  description: string
  /** The default as text for the documentation; '' when there is none. */
  default: string
  /** How the text of the variable is read. */
  kind: 'text' | 'number' | 'flag' | 'list' | 'json'
  /** The `type` of the alternative that the setting belongs to, if any. */
  type?: string
}

type Schema = z.core.$ZodType

/** All settings, in the order of the schema. */
export function listSettings(schema: Schema = Settings, path: string[] = []): Setting[] {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, one]) => listSettings(one, [...path, key]))
  }
  if (inner instanceof z.ZodDiscriminatedUnion)
    return inner.options.flatMap((one) => listAlternative(one, path))
  if (inner instanceof z.ZodLiteral) return []
  const { variable, description = '', shown } = z.globalRegistry.get(schema) ?? {}
  return [
    {
      path,
      variable: typeof variable === 'string' ? variable : undefined,
      description,
      default: typeof shown === 'string' ? shown : defaultOf(schema),
      kind: kindOf(inner),
    },
  ]
}

function listAlternative(option: Schema, path: string[]): Setting[] {
  const type = option instanceof z.ZodObject ? option.shape.type : undefined
  const name = type instanceof z.ZodLiteral ? String(type.value) : ''
  return listSettings(option, path).map((one) => ({ ...one, type: name }))
}

/** The keys that are allowed at a path of the config file; none for a path without keys. */
export function keysAt(path: readonly PropertyKey[], schema: Schema = Settings): string[] {
  const inner = unwrap(schema)
  const [head, ...rest] = path
  if (inner instanceof z.ZodDiscriminatedUnion) {
    return [...new Set(inner.options.flatMap((option) => keysAt(path, option)))]
  }
  if (inner instanceof z.ZodRecord) return head === undefined ? [] : keysAt(rest, inner.valueType)
  if (!(inner instanceof z.ZodObject)) return []
  if (head === undefined) return Object.keys(inner.shape)
  const next = (inner.shape as Record<PropertyKey, Schema | undefined>)[head]
  return next ? keysAt(rest, next) : []
}

/** The value at a path of the config file; undefined when there is none. */
export function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key],
    values,
  )
}

function unwrap(schema: Schema): Schema {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.def.innerType)
  }
  return schema
}

function defaultOf(schema: Schema): string {
  if (!(schema instanceof z.ZodDefault)) return ''
  const value: unknown = schema.def.defaultValue
  return Array.isArray(value) ? value.join(',') : String(value)
}

function kindOf(schema: Schema): Setting['kind'] {
  if (schema instanceof z.ZodNumber) return 'number'
  if (schema instanceof z.ZodBoolean) return 'flag'
  if (schema instanceof z.ZodArray) return 'list'
  return schema instanceof z.ZodRecord ? 'json' : 'text'
}
