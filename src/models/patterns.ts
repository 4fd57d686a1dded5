/** Tables of names with wildcards: an exact name wins, then the pattern with the most letters. */
import { readFileSync } from 'node:fs'

interface Pattern<Value> {
  pattern: string
  value: Value
  expression: RegExp
}

export interface Match<Value> {
  value: Value
  pattern: string
  /** The text that the first `*` of the pattern matched; empty for an exact name. */
  caught: string
}

/** Returns a function that finds the value of a name. `*` in a pattern matches any text, also empty text. */
export function patternTable<Value>(
  entries: readonly (readonly [string, Value])[],
): (name: string) => Match<Value> | undefined {
  const exact = new Map(entries.filter(([pattern]) => !pattern.includes('*')))
  const wild: Pattern<Value>[] = entries
    .filter(([pattern]) => pattern.includes('*'))
    .map(([pattern, value]) => ({ pattern, value, expression: wildcard(pattern) }))
    .toSorted(moreSpecificFirst)
  return (name) => {
    const value = exact.get(name)
    if (value !== undefined) return { value, pattern: name, caught: '' }
    for (const { pattern, value: found, expression } of wild) {
      const match = expression.exec(name)
      if (match) return { value: found, pattern, caught: match[1] ?? '' }
    }
    return undefined
  }
}

function wildcard(pattern: string): RegExp {
  const literal = pattern.split('*').map((text) => text.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return new RegExp(`^${literal.join('(.*)')}$`, 's')
}

function moreSpecificFirst(left: { pattern: string }, right: { pattern: string }): number {
  const literals = (pattern: string) => pattern.replaceAll('*', '').length
  const byLength = literals(right.pattern) - literals(left.pattern)
  return byLength === 0 ? right.pattern.indexOf('*') - left.pattern.indexOf('*') : byLength
}

/** The fields of each line of `tables/NAME.tsv`, which tabs separate. Lines that begin with `#` are comments. */
export function readTable(name: string): string[][] {
  return readFileSync(new URL(`tables/${name}.tsv`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'))
}
