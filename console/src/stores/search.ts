/** A search as it is put together in the search tester. */

export interface Filter {
  key: string
  type: string
  value: string
}

export interface SearchDraft {
  query: string
  max_num_results: number
  score_threshold: number
  ranker: 'auto' | 'none'
  rewrite_query: boolean
  /** All of them must fit. */
  filters: Filter[]
}

export const newSearch: SearchDraft = {
  query: '',
  max_num_results: 10,
  score_threshold: 0,
  ranker: 'auto',
  rewrite_query: false,
  filters: [],
}

export const operators = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte']

/** The body of the request. */
export function bodyOfSearch(draft: SearchDraft) {
  const filters = draft.filters
    .filter(({ key }) => key !== '')
    .map(({ key, type, value }) => ({ key, type, value: typed(value) }))
  const [first, ...others] = filters
  return {
    query: draft.query.trim(),
    max_num_results: draft.max_num_results,
    ...(draft.rewrite_query && { rewrite_query: true }),
    ranking_options: { ranker: draft.ranker, score_threshold: draft.score_threshold },
    ...(first && { filters: others.length === 0 ? first : { type: 'and', filters } }),
  }
}

/** Attributes are compared strictly, so a number must be sent as one. */
function typed(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}
