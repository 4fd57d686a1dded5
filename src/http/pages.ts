/** Lists over HTTP. */
import { errors, type ObjectKind } from '../api/errors.ts'
import { listOf, type List } from '../api/lists.ts'
import { UnknownCursor, type Page, type PageQuery } from '../sql/pages.ts'

/**
 * The page in its envelope; a cursor that is not in the list is answered like the object it names. `requireOwner`
 * throws when the object is missing that the list belongs to; a page with rows has no need to ask.
 */
export async function answerPage<Row extends { id: string }>(
  kind: ObjectKind,
  page: Promise<Page<Row>>,
  requireOwner?: () => Promise<void>,
): Promise<List<Row>> {
  try {
    const { data, has_more } = await page
    if (data.length === 0) await requireOwner?.()
    return listOf(data, has_more)
  } catch (error) {
    if (!(error instanceof UnknownCursor)) throw error
    await requireOwner?.()
    throw errors.notFound(kind, error.id)
  }
}

/** Cursors that were not given are left out, as the store wants it. */
export function pageQuery(query: {
  limit: number
  order: 'asc' | 'desc'
  after?: string | undefined
  before?: string | undefined
}): PageQuery {
  const { limit, order, after, before } = query
  return { limit, order, ...(after !== undefined && { after }), ...(before !== undefined && { before }) }
}
