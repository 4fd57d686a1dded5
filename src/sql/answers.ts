/** Rows of `answers`: the answers to requests with an idempotency key. */
import type { Queryable } from '../database/database.ts'

export interface AnswerKey {
  project: string
  key: string
  /** SHA-256 of the path with its query string, because an index cannot hold a long path. */
  path: string
}

/** The body as JSON text, or for a stream the run and the number of the event after which the stream started. */
export interface KeptAnswer {
  body?: string
  stream?: { run_id: string; after: number }
}

/**
 * `claimed`: this is the first request with the key. `busy`: the first request is still being answered. `reused`: the first
 * request had another body.
 */
export type Claim = KeptAnswer | 'claimed' | 'busy' | 'reused'

interface AnswerRow {
  body_hash: string
  body: string | null
  run_id: string | null
  after: number | null
  is_done: boolean
}

/** An answer is kept for a day. */
const keptSeconds = 24 * 3600
/** A request that has no answer after this long is taken as lost, and the next one with its key is the first again. */
const lostAfterSeconds = 900

export async function claimAnswer(
  db: Queryable,
  key: AnswerKey & { body_hash: string },
  now: number,
): Promise<Claim> {
  const [claimed] = await db.query({
    text: `insert into answers as a (project, key, path, body_hash, created_at) values ($1, $2, $3, $4, $5)
           on conflict (project, key, path) do update
             set body_hash = excluded.body_hash, created_at = excluded.created_at, body = null, run_id = null,
                 after = null, is_done = false
             where a.created_at <= $5::bigint - case when a.is_done then $6::bigint else $7::bigint end
           returning key`,
    values: [key.project, key.key, key.path, key.body_hash, now, keptSeconds, lostAfterSeconds],
  })
  if (claimed) return 'claimed'
  const [found] = await db.query<AnswerRow>({
    text: `select body_hash, body, run_id, after, is_done from answers
           where project = $1 and key = $2 and path = $3`,
    values: [key.project, key.key, key.path],
  })
  if (!found?.is_done) return 'busy'
  const { body_hash, body, run_id, after } = found
  if (body_hash !== key.body_hash) return 'reused'
  return run_id === null ? { body: body ?? '' } : { stream: { run_id, after: after ?? 0 } }
}

export async function keepAnswer(db: Queryable, key: AnswerKey, { body, stream }: KeptAnswer): Promise<void> {
  await db.query({
    text: `update answers set body = $4, run_id = $5, after = $6, is_done = true
           where project = $1 and key = $2 and path = $3`,
    values: [key.project, key.key, key.path, body ?? null, stream?.run_id ?? null, stream?.after ?? null],
  })
}

export async function forgetAnswer(db: Queryable, key: AnswerKey): Promise<void> {
  await db.query({
    text: 'delete from answers where project = $1 and key = $2 and path = $3',
    values: [key.project, key.key, key.path],
  })
}

/** The largest number of rows that one statement deletes. */
const batch = 1000

/** Deletes up to 1,000 answers that are older than a day; returns how many. */
export async function forgetOldAnswers(db: Queryable, now: number): Promise<number> {
  const rows = await db.query({
    name: 'forget_old_answers',
    text: `delete from answers where ctid = any(array(
             select ctid from answers where created_at <= $1 limit ${batch})) returning 1`,
    values: [now - keptSeconds],
  })
  return rows.length
}
