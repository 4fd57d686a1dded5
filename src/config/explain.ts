/** Explains an invalid setting: where it was written and how to fix it. */
import type { z } from 'zod'
import { nearest } from '../util/nearest.ts'
import { keysAt, listSettings, valueAt } from './setting-list.ts'

export interface Origin {
  /** The config file; undefined when there is none. */
  file: string | undefined
  /** Key with dots -> the variable that set it. */
  sources: ReadonlyMap<string, string>
  /** Key with dots -> the variable that the file uses and that is not set. */
  unset: ReadonlyMap<string, string>
}

type Issue = z.core.$ZodIssue

/** Keys of earlier versions, and what to use instead. */
const removedKeys = new Map([
  ['vector_index', "vectors are compared in memory; 'search_memory_mb' bounds how much of it they take"],
])

export function explain(error: z.ZodError, values: unknown, origin: Origin): string {
  // When a key is missing, the reason is often that it was mistyped.
  const issue = error.issues.find((one) => one.code === 'unrecognized_keys') ?? error.issues[0]
  if (!issue) return 'The settings cannot be used.'
  if (issue.code === 'unrecognized_keys') return unknownKey(issue, origin)
  const key = issue.path.join('.')
  const source = sourceOf(issue.path, origin.sources)
  const value = valueAt(values, issue.path)
  if (value === undefined) return missing(key, origin)
  const place = source === undefined ? `${origin.file ?? 'The settings'}: '${key}'` : shown(source, value)
  return `${place} cannot be used: ${reason(issue, value)}.`
}

function unknownKey(issue: Issue & { code: 'unrecognized_keys' }, { file, sources }: Origin): string {
  const [key = ''] = issue.keys
  const place = sourceOf(issue.path, sources) ?? file ?? 'The settings'
  const removed = issue.path.length === 0 ? removedKeys.get(key) : undefined
  if (removed) return `${place}: the key '${key}' was removed: ${removed}.`
  const known = keysAt(issue.path)
  const near = nearest(key, known)
  const hint = near ? `Did you mean '${near}'?` : `Known are: ${known.join(', ')}.`
  return `${place}: unknown key '${[...issue.path, key].join('.')}'. ${hint}`
}

function missing(key: string, { file, unset }: Origin): string {
  const variable = unset.get(key)
  if (variable !== undefined) return `${file}: '${key}' uses \${${variable}}, which is not set.`
  const setting = listSettings().find(({ path }) => path.join('.') === key)
  const name = setting?.variable ? `${setting.variable} ('${key}' in the config file)` : `${file}: '${key}'`
  return `${name} is missing.`
}

/** The variable that set this key or one above it. */
function sourceOf(path: readonly PropertyKey[], sources: ReadonlyMap<string, string>): string | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const source = sources.get(path.slice(0, length).join('.'))
    if (source !== undefined) return source
  }
  return undefined
}

/** A variable with its value, or without it when the value may contain a key. */
function shown(variable: string, value: unknown): string {
  const isShown =
    (typeof value === 'string' || typeof value === 'number') && !/KEY|SECRET|PROVIDERS/.test(variable)
  return isShown ? `${variable}=${value}` : variable
}

function reason(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int' || issue.expected === 'number'
        ? 'a whole number is needed'
        : issue.message
    case 'too_small':
      return typeof value === 'number' ? `the smallest value is ${issue.minimum}` : 'it is empty'
    case 'too_big':
      return `the largest value is ${issue.maximum}`
    case 'invalid_value':
      return `write one of ${issue.values.join(', ')}`
    case 'invalid_format':
      return issue.format === 'url' ? urlReason(String(value)) : issue.message
    default:
      return issue.message
  }
}

function urlReason(text: string): string {
  const guess = `http://${text}`
  const isGuessed = !/^[a-z]+:\/\//i.test(text) && URL.canParse(guess)
  return `an address with http:// or https:// is needed${isGuessed ? `, perhaps ${guess}` : ''}`
}
