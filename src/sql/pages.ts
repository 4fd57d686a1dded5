/** Lists by cursor, for every table that has `id` and `seq`. */
import type { Queryable } from '../database/database.ts'

export interface PageQuery {
  limit: number
  order: 'asc' | 'desc'
  /** Only rows that contain this text in the column `searched` of the list. */
  search?: string
  /** Ids of rows of the same list. The page lies between them, without them, in the order of the list. */
  after?: string
  before?: string
}

export interface Page<Row> {
  data: Row[]
  has_more: boolean
}

/** A cursor that is not a row of the list: it never existed or was deleted. */
export class UnknownCursor extends Error {
  readonly parameter: 'after' | 'before'
  readonly id: string
  constructor(parameter: 'after' | 'before', id: string) {
    super(`no row ${id} in this list`)
    this.name = 'UnknownCursor'
    this.parameter = parameter
    this.id = id
  }
}

interface ListOptions {
  table: string
  columns: string
  /** Columns that must equal these values. They are the first columns of the index of the list. */
  where: Record<string, string>
  /** Further columns that must equal these values. They may change, so they do not apply to cursors. */
  filter?: Record<string, string>
  query: PageQuery
  /** The cursor's column, where it is not `id`. */
  idColumn?: string
  /** Further conditions in fixed SQL. */
  conditions?: readonly string[]
  /** The column that must contain `query.search`. A json column is compared as JSON text. */
  searched?: { column: string; isJson?: boolean }
}

/**
 * One page of rows in the order of their creation. With `before` alone the page ends at the cursor, and `has_more` says
 * whether more rows come before the page. Throws `UnknownCursor`.
 */
export async function listRows<Row extends object>(db: Queryable, options: ListOptions): Promise<Page<Row>> {
  const { table, columns, where, filter = {}, query, idColumn = 'id' } = options
  const values: unknown[] = Object.values(where)
  const conditions = Object.keys(where).map((column, index) => `${column} = $${index + 1}`)
  const scope = conditions.join(' and ')
  conditions.push(...(options.conditions ?? []))
  if (options.searched && query.search !== undefined) {
    const { column, isJson = false } = options.searched
    values.push(query.search, likePattern(isJson ? jsonText(query.search) : query.search))
    conditions.push(`(${idColumn} = $${values.length - 1} or ${column} ilike $${values.length})`)
  }
  for (const [column, value] of Object.entries(filter)) {
    values.push(value)
    conditions.push(`${column} = $${values.length}`)
  }
  const cursor = (parameter: 'after' | 'before', id: string) => {
    values.push(id)
    const comparison = (parameter === 'after') === (query.order === 'asc') ? '>' : '<'
    conditions.push(
      `seq ${comparison} (select seq from ${table} where ${idColumn} = $${values.length} and ${scope})`,
    )
  }
  if (query.after !== undefined) cursor('after', query.after)
  if (query.before !== undefined) cursor('before', query.before)

  const fromTheEnd = query.before !== undefined && query.after === undefined
  const direction = (query.order === 'asc') === fromTheEnd ? 'desc' : 'asc'
  values.push(query.limit + 1)
  const rows = await db.query<Row>({
    text: `select ${columns} from ${table} where ${conditions.join(' and ')}
           order by seq ${direction} limit $${values.length}`,
    values,
  })
  if (rows.length === 0) await checkCursors(db, options, scope)
  const has_more = rows.length > query.limit
  const data = has_more ? rows.slice(0, query.limit) : rows
  return { data: fromTheEnd ? data.toReversed() : data, has_more }
}

/** A comparison with an unknown cursor finds nothing, so only an empty page needs this check. */
async function checkCursors(db: Queryable, options: ListOptions, scope: string): Promise<void> {
  const { table, where, query, idColumn = 'id' } = options
  const scopeValues = Object.values(where)
  for (const parameter of ['after', 'before'] as const) {
    const id = query[parameter]
    if (id === undefined) continue
    const found = await db.query({
      text: `select 1 from ${table} where ${scope} and ${idColumn} = $${scopeValues.length + 1}`,
      values: [...scopeValues, id],
    })
    if (found.length === 0) throw new UnknownCursor(parameter, id)
  }
}

/** A pattern for LIKE that finds the text anywhere. */
export function likePattern(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}

/** The text as it appears within JSON that `JSON.stringify` wrote. */
export function jsonText(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
