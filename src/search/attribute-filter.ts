/** Applies the filters of a search to the attributes of a file. */

import type { Attributes } from '../api/metadata.ts'
import type { ComparisonFilter, SearchFilter } from '../api/vector-stores.ts'

/**
 * Values are compared with their type: `"5"` is not `5`, and nothing is larger or smaller than a value of another
 * type. A file without the attribute passes `ne` and `nin` and nothing else.
 */
export function passesFilter(filter: SearchFilter, attributes: Attributes | null | undefined): boolean {
  if ('filters' in filter) {
    const passes = (one: SearchFilter) => passesFilter(one, attributes)
    return filter.type === 'and' ? filter.filters.every(passes) : filter.filters.some(passes)
  }
  const own = attributes && Object.hasOwn(attributes, filter.key) ? attributes[filter.key] : undefined
  const { value } = filter
  switch (filter.type) {
    case 'eq':
      return own !== undefined && own === value
    case 'ne':
      return own !== value
    case 'in':
      return own !== undefined && isAmong(own, value)
    case 'nin':
      return own === undefined || !isAmong(own, value)
    case 'gt':
      return compare(own, value) > 0
    case 'gte':
      return compare(own, value) >= 0
    case 'lt':
      return compare(own, value) < 0
    case 'lte':
      return compare(own, value) <= 0
  }
}

function isAmong(own: Attributes[string], value: ComparisonFilter['value']): boolean {
  return Array.isArray(value) ? value.some((one) => one === own) : value === own
}

/** NaN, which is neither larger, smaller nor equal, when the two cannot be ordered. */
function compare(own: Attributes[string] | undefined, value: ComparisonFilter['value']): number {
  if (typeof own === 'number' && typeof value === 'number') return own - value
  if (typeof own === 'string' && typeof value === 'string') return own < value ? -1 : Number(own > value)
  return Number.NaN
}
