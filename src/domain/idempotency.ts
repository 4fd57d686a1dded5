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

export type { AnswerKey, KeptAnswer }

export function answerKey({ project, key, path }: { project: string; key: string; path: string }): AnswerKey {
  return { project, key, path: createHash('sha256').update(path).digest('hex') }
}

/** The caller that gets `claimed` must call `keepAnswer` or `forgetAnswer`. */
export function claimAnswer(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  key: AnswerKey & { body_hash: string },
): Promise<Claim> {
  return claimRow(db, key, nowSeconds(clock))
}

export function keepAnswer({ db }: Pick<Context, 'db'>, key: AnswerKey, answer: KeptAnswer): Promise<void> {
  return keepRow(db, key, answer)
}

/** Releases the key: the next request with it is the first again. */
export function forgetAnswer({ db }: Pick<Context, 'db'>, key: AnswerKey): Promise<void> {
  return forgetRow(db, key)
}
