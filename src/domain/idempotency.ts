/** Answers to requests with an `Idempotency-Key`, kept for a day so that a repeated request gets the same answer. */
import { createHash } from 'node:crypto'
import { claimAnswer as claimRow, forgetAnswer as forgetRow, keepAnswer as keepRow } from '../sql/answers.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

export interface AnswerKey {
  project: string
  key: string
  /** The path with the query string. */
  path: string
}

/** The body as JSON text, or for a stream the run and the number of the event after which the stream started. */
export interface KeptAnswer {
  body?: string
  stream?: { run_id: string; after: number }
}

/**
 * `claimed`: the caller is the first with this key and must call `keepAnswer` or `forgetAnswer`. `busy`: the first
 * request is still being answered. `reused`: the first request had another body.
 */
export async function claimAnswer(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  request: AnswerKey & { body_hash: string },
): Promise<KeptAnswer | 'claimed' | 'busy' | 'reused'> {
  const found = await claimRow(db, { ...rowKey(request), body_hash: request.body_hash }, nowSeconds(clock))
  if (found === 'claimed' || found === 'busy') return found
  if (found.body_hash !== request.body_hash) return 'reused'
  const { body, run_id, after } = found
  return run_id === null ? { body: body ?? '' } : { stream: { run_id, after: after ?? 0 } }
}

export function keepAnswer({ db }: Pick<Context, 'db'>, key: AnswerKey, answer: KeptAnswer): Promise<void> {
  return keepRow(db, rowKey(key), answer)
}

/** Releases the key: the next request with it is the first again. */
export function forgetAnswer({ db }: Pick<Context, 'db'>, key: AnswerKey): Promise<void> {
  return forgetRow(db, rowKey(key))
}

/** The path is part of an index, which cannot hold a long one. */
function rowKey({ project, key, path }: AnswerKey): AnswerKey {
  return { project, key, path: createHash('sha256').update(path).digest('hex') }
}
