/** The catalogue of errors: one function for each. docs/errors.md lists the same. */
import { objectErrors } from './object-errors.ts'
import { transportErrors } from './transport-errors.ts'
import { validationErrors } from './validation-errors.ts'

export { ApiError, type ErrorKind } from './api-error.ts'
export type { ObjectKind } from './object-errors.ts'

export const errors = Object.freeze({ ...transportErrors, ...validationErrors, ...objectErrors })
