import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')

test('every invariant in docs/run-lifecycle.md names tests that exist', () => {
  const [, invariants = ''] = readFileSync(resolve(root, 'docs/run-lifecycle.md'), 'utf8').split(
    '## The invariants',
  )
  const named = [...invariants.matchAll(/^ +- `([^`]+)`(?:: (.+))?$/gm)]
  expect(named.length).toBeGreaterThan(20)
  const missing = named.filter(([, file = '', name]) => {
    const path = resolve(root, file)
    return !existsSync(path) || (name !== undefined && !readFileSync(path, 'utf8').includes(`'${name}'`))
  })
  expect(missing.map(([line]) => line.trim())).toEqual([])
  const rules = invariants.split(/^\d+\. /m).slice(1)
  expect(rules.filter((rule) => !/^ +- `/m.test(rule))).toEqual([])
})
