/** Lists by cursor, for every table that has `id` and `seq`. */
import type { Queryable } from '../database/database.ts'

export interface PageQuery {
  limit: number
  order: 'asc' | 'desc'
  /** Only rows that contain this text in the column `searched` of the list. */
  query?: string | undefined
  /** Ids of rows of the same list. The page is between them, without them, in the order of the list. */
  after?: string | undefined
  before?: string | undefined
}

export interface Page<Row> {
  data: Row[]
  has_more: boolean
}

/** A cursor that is not a row of the list: it never existed or was deleted. */
export class UnknownCursor extends Error {
  readonly id: string
  constructor(id: string) {
    super(`no row ${id} in this list`)
    this.name = 'UnknownCursor'
    this.id = id
  }
}

interface ListOptions {
  table: string
  columns: string
  /** Columns that must equal these values, where there are any. They are the first columns of the index of the list. */
  where: Columns
  /** Further columns that must equal these values. They may change, so they do not apply to cursors. */
  filter?: Columns
  page: PageQuery
  /** The cursor's column, where it is not `id`. */
  idColumn?: string
  /** Further conditions in fixed SQL. */
  conditions?: readonly string[]
  /** The column that must contain `page.query`. A json column is compared as JSON text. */
  searched?: { column: string; isJson?: boolean }
}

type Columns = Record<string, string | undefined>

/**
 * One page of rows in the order of their creation. With `before` alone the page ends at the cursor, and `has_more` says
 * whether more rows come before the page. Throws `UnknownCursor`.
 */
export async function listRows<Row extends object>(db: Queryable, options: ListOptions): Promise<Page<Row>> {
  const { table, columns, filter = {}, page, idColumn = 'id' } = options
  const where = present(options.where)
  const values: unknown[] = where.map(([, value]) => value)
  const conditions = where.map(([column], index) => `${column} = $${index + 1}`)
  const scope = conditions.join(' and ')
  conditions.push(...(options.conditions ?? []))
  if (options.searched && page.query !== undefined) {
    const { column, isJson = false } = options.searched
    values.push(page.query, likePattern(isJson ? jsonText(page.query) : page.query))
    conditions.push(`(${idColumn} = $${values.length - 1} or ${column} ilike $${values.length})`)
  }
  for (const [column, value] of present(filter)) {
    values.push(value)
    conditions.push(`${column} = $${values.length}`)
  }
  const cursor = (parameter: 'after' | 'before', id: string) => {
    values.push(id)
    const comparison = (parameter === 'after') === (page.order === 'asc') ? '>' : '<'
    conditions.push(
      `seq ${comparison} (select seq from ${table} where ${idColumn} = $${values.length} and ${scope})`,
    )
  }
  if (page.after !== undefined) cursor('after', page.after)
  if (page.before !== undefined) cursor('before', page.before)

  const fromTheEnd = page.before !== undefined && page.after === undefined
  const direction = (page.order === 'asc') === fromTheEnd ? 'desc' : 'asc'
  values.push(page.limit + 1)
  const rows = await db.query<Row>({
    text: `select ${columns} from ${table} where ${conditions.join(' and ')}
           order by seq ${direction} limit $${values.length}`,
    values,
  })
  if (rows.length === 0) await checkCursors(db, options, scope)
  const has_more = rows.length > page.limit
  const data = rows.slice(0, page.limit)
  return { data: fromTheEnd ? data.toReversed() : data, has_more }
}

/** The same page with an object for each row. */
export function mapPage<Row, Item>({ data, has_more }: Page<Row>, toObject: (row: Row) => Item): Page<Item> {
  return { data: data.map(toObject), has_more }
}

/** A comparison with an unknown cursor finds nothing, so only an empty page needs this check. */
async function checkCursors(db: Queryable, options: ListOptions, scope: string): Promise<void> {
  const { table, page, idColumn = 'id' } = options
  const scopeValues = present(options.where).map(([, value]) => value)
  for (const parameter of ['after', 'before'] as const) {
    const id = page[parameter]
    if (id === undefined) continue
    const found = await db.query({
      text: `select 1 from ${table} where ${scope} and ${idColumn} = $${scopeValues.length + 1}`,
      values: [...scopeValues, id],
    })
    if (found.length === 0) throw new UnknownCursor(id)
  }
}

function present(columns: Columns): [string, string | undefined][] {
  return Object.entries(columns).filter(([, value]) => value !== undefined)
}

/** A pattern for LIKE that finds the text anywhere. */
export function likePattern(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}

/** The text as it appears within JSON that `JSON.stringify` wrote. */
export function jsonText(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
