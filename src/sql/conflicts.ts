/** Unique constraints that enforce a rule of the API. */
import { isUniqueViolation } from '../database/errors.ts'

/** Whether the insertion of a run failed because its thread has an active run: the index is the thread lock. */
export function isActiveRunConflict(error: unknown): boolean {
  return isUniqueViolation(error, 'runs_one_active')
}
