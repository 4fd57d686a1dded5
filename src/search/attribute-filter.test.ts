import { describe, expect, test } from 'vitest'
import type { ComparisonFilter, SearchFilter } from '../api/vector-stores.ts'
import { passesFilter } from './attribute-filter.ts'

const file = { year: 2024, author: 'Ada', draft: false }

function passes(type: ComparisonFilter['type'], key: string, value: ComparisonFilter['value']): boolean {
  return passesFilter({ type, key, value }, file)
}

describe('a comparison', () => {
  test.each<[ComparisonFilter['type'], string, ComparisonFilter['value'], boolean]>([
    ['eq', 'year', 2024, true],
    ['eq', 'year', '2024', false],
    ['eq', 'draft', false, true],
    ['eq', 'draft', 'false', false],
    ['ne', 'year', 2024, false],
    ['ne', 'year', '2024', true],
    ['gt', 'year', 2023, true],
    ['gt', 'year', 2024, false],
    ['gt', 'year', '2023', false],
    ['gte', 'year', 2024, true],
    ['lt', 'author', 'Bob', true],
    ['lt', 'year', 2024.5, true],
    ['lte', 'author', 'Ada', true],
    ['lte', 'author', 'AD', false],
    ['gte', 'draft', false, false],
    ['in', 'author', ['Ada', 'Bob'], true],
    ['in', 'year', ['2024'], false],
    ['in', 'year', [2023, 2024], true],
    ['nin', 'author', ['Bob'], true],
    ['nin', 'author', ['Ada'], false],
  ])('%s of %s and %s', (type, key, value, expected) => {
    expect(passes(type, key, value)).toBe(expected)
  })

  test('a file without the attribute passes ne and nin only', () => {
    const passed = (['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin'] as const).filter((type) =>
      passes(type, 'missing', type === 'in' || type === 'nin' ? ['x'] : 'x'),
    )
    expect(passed).toEqual(['ne', 'nin'])
    expect(passesFilter({ type: 'eq', key: 'constructor', value: 'x' }, {})).toBe(false)
    expect(passesFilter({ type: 'ne', key: 'a', value: 'x' }, null)).toBe(true)
  })
})

test('and needs all filters, or needs one, at any depth', () => {
  const recent: SearchFilter = { type: 'gte', key: 'year', value: 2020 }
  const byBob: SearchFilter = { type: 'eq', key: 'author', value: 'Bob' }
  const both: SearchFilter = { type: 'and', filters: [recent, byBob] }
  expect(passesFilter(both, file)).toBe(false)
  expect(passesFilter({ type: 'or', filters: [recent, byBob] }, file)).toBe(true)
  expect(passesFilter({ type: 'or', filters: [both, { type: 'and', filters: [recent] }] }, file)).toBe(true)
})
