/** Searches threads by text in their metadata and messages, and reads the beginning of their first message. */
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import { jsonText, likePattern, UnknownCursor, type PageQuery } from './pages.ts'
import { threadColumns } from './threads.ts'

/** Threads that one request searches, so that it is fast in a large project. A search for rare words takes several. */
const window = 10_000

export interface FoundThreads {
  data: Thread[]
  has_more: boolean
  /** The cursor for the next request: the last thread that was searched, where the window ended the request. */
  last_id: string | null
}

/**
 * The threads whose id is `search`, or whose metadata or messages contain it, in upper or lower case. `before` is
 * not supported. Throws `UnknownCursor`.
 */
export async function searchThreads(
  db: Queryable,
  project: string,
  { search, page }: { search: string; page: PageQuery },
): Promise<FoundThreads> {
  const from = page.after === undefined ? undefined : await seqOf(db, project, page.after)
  const [comparison, direction] = page.order === 'asc' ? ['>', 'asc'] : ['<', 'desc']
  const rows = await db.query<Thread & { seq: number; is_found: boolean }>({
    text: `with searched as (
        select ${threadColumns}, seq from threads
        where project = $1 ${from === undefined ? '' : `and seq ${comparison} $5`}
        order by seq ${direction} limit ${window}
      ), found as (
        select *, true as is_found from searched t
        where t.id = $2 or t.metadata::text ilike $3 or exists (
          select 1 from messages m where m.thread_id = t.id and m.content::text ilike $3 and exists (
            select 1 from json_array_elements(m.content) part where (part #> '{text,value}')::text ilike $3))
        order by seq ${direction} limit $4
      ), last as (
        select *, false as is_found from searched order by seq ${direction} offset ${window - 1} limit 1
      )
      select * from found union all select * from last order by seq ${direction}, is_found desc`,
    values: [
      project,
      search,
      likePattern(jsonText(search)),
      page.limit + 1,
      ...(from === undefined ? [] : [from]),
    ],
  })
  const found = rows.filter((row) => row.is_found)
  const data = found.slice(0, page.limit).map(({ seq: _, is_found: __, ...thread }) => thread)
  if (found.length > page.limit) return { data, has_more: true, last_id: data.at(-1)?.id ?? null }
  const end = rows.find((row) => !row.is_found)
  return { data, has_more: end !== undefined, last_id: end?.id ?? data.at(-1)?.id ?? null }
}

async function seqOf(db: Queryable, project: string, id: string): Promise<number> {
  const [row] = await db.query<{ seq: number }>({
    text: 'select seq from threads where id = $1 and project = $2',
    values: [id, project],
  })
  if (!row) throw new UnknownCursor(id)
  return row.seq
}

/** Characters of the JSON text of a first message that are read, and of the text that is answered. */
const readLength = 1200
const shownLength = 200

/** The beginning of the first text in each thread, by id; threads without text are left out. */
export async function firstMessages(db: Queryable, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.query<{ id: string; text: string }>({
    name: 'first_messages',
    text: `select listed.id, left(first.text, ${readLength}) as text
           from unnest($1::text[]) as listed (id), lateral (
             select (m.content #> '{0,text,value}')::text as text from messages m
             where m.thread_id = listed.id order by m.seq limit 1) first
           where first.text is not null`,
    values: [ids],
  })
  return new Map(rows.map(({ id, text }) => [id, beginningOf(text)]))
}

/** Reads a JSON string that may be cut anywhere after its first quotation mark. */
function beginningOf(json: string): string {
  const isWhole = json.length < readLength
  const text = isWhole ? json : `${json.replace(/\\(u[0-9a-f]{0,3})?$/i, '')}"`
  const value = parsed(text) ?? ''
  return value.length > shownLength
    ? `${value.slice(0, shownLength).replace(/[\ud800-\udbff]$/, '')}…`
    : value
}

/** A text that was cut within an escape sequence may be invalid; then its last characters are dropped too. */
function parsed(text: string): string | undefined {
  for (const one of [text, `${text.slice(0, -2)}"`, `${text.slice(0, -8)}"`]) {
    try {
      return JSON.parse(one) as string
    } catch {
      continue
    }
  }
  return undefined
}
