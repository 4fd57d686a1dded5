/** Answers to requests with an `Idempotency-Key`, kept for a day so that a repeated request gets the same answer. */
import { createHash } from 'node:crypto'
import {
  claimAnswer as claimRow,
  forgetAnswer as forgetRow,
  keepAnswer as keepRow,
  type AnswerKey,
  type Claim,
  type KeptAnswer,
} from '../sql/answers.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

export type { KeptAnswer }

/** The caller that gets `claimed` must call `keepAnswer` or `forgetAnswer`. */
export function claimAnswer(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  request: AnswerKey & { body_hash: string },
): Promise<Claim> {
  return claimRow(db, { ...rowKey(request), body_hash: request.body_hash }, nowSeconds(clock))
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
