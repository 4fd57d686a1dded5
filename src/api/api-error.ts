/** The error that every failed request is answered with, and the function that defines the entries of the catalogue. */
import { z } from 'zod'

const ErrorType = z.enum(['invalid_request_error', 'server_error', 'requests'])
export type ErrorType = z.output<typeof ErrorType>

/** The constant part of an error. `message` is a template: `{name}` is replaced by a value of the particulars. */
export interface ErrorKind {
  readonly status: number
  readonly type: ErrorType
  readonly code: string | null
  readonly message: string
}

/** The variable part of an error. */
export interface Particulars {
  values?: Record<string, string | number>
  param?: string | null
  headers?: Record<string, string>
  /** The Files API repeats message and code under a second key. */
  detail?: boolean
}

/** `detail` exists under `/files` only. */
export const ErrorBody = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: ErrorType,
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
  detail: z.strictObject({ message: z.string(), code: z.string().nullable() }).optional(),
})
export type ErrorBody = z.output<typeof ErrorBody>

/** An error that the client receives: an HTTP status and the four fields of the envelope. */
export class ApiError extends Error {
  readonly status: number
  readonly type: ErrorType
  readonly code: string | null
  readonly param: string | null
  readonly headers?: Record<string, string>
  readonly detail: boolean

  constructor(kind: ErrorKind, particulars: Particulars = {}) {
    super(fill(kind.message, particulars.values ?? {}))
    this.name = 'ApiError'
    this.status = kind.status
    this.type = kind.type
    this.code = kind.code
    this.param =
      particulars.param === undefined || particulars.param === null ? null : clip(particulars.param)
    this.detail = particulars.detail ?? false
    if (particulars.headers) this.headers = particulars.headers
  }

  /** The JSON body, keys in wire order. `detail: true` adds the Files API's second key to any error. */
  toBody(options: { detail?: boolean } = {}): ErrorBody {
    const { message, type, param, code } = this
    const body: ErrorBody = { error: { message, type, param, code } }
    if (options.detail ?? this.detail) body.detail = { message, code }
    return body
  }
}

/** Creates an error of one kind. `kind` is public so that the documentation can list it. */
export type ErrorMaker<Args extends unknown[]> = ((...args: Args) => ApiError) & { readonly kind: ErrorKind }

/** One argument for each placeholder of a template. */
type ArgumentsOf<Text extends string> = Text extends `${string}{${string}}${infer Rest}`
  ? [string | number, ...ArgumentsOf<Rest>]
  : []

/**
 * How the arguments become particulars. Without a function, the arguments are the values of the placeholders in their
 * order, and `{path}` is the param too.
 */
type Variable<Args extends unknown[]> = ((...args: Args) => Particulars) | Omit<Particulars, 'values'>

/** Defines one entry of the catalogue: its kind, and how the arguments become its particulars. */
export function define<Args extends unknown[]>(
  kind: ErrorKind,
  variable: Variable<Args> = {},
): ErrorMaker<Args> {
  const names = [...kind.message.matchAll(placeholder)].map(([, name = '']) => name)
  const make = (...args: Args) => {
    if (typeof variable === 'function') return new ApiError(kind, variable(...args))
    const values = Object.fromEntries(names.map((name, index) => [name, args[index] as string | number]))
    return new ApiError(kind, { values, param: values['path']?.toString() ?? null, ...variable })
  }
  return Object.freeze(Object.assign(make, { kind: Object.freeze(kind) }))
}

/** Defines an error that is due to the request. */
export function refusal<Text extends string, Args extends unknown[] = ArgumentsOf<Text>>(
  status: number,
  code: string | null,
  message: Text,
  variable?: Variable<Args>,
): ErrorMaker<Args> {
  return define({ status, type: 'invalid_request_error', code, message }, variable)
}

/** Defines the most frequent kind of error: HTTP 400. */
export function badRequest<Text extends string, Args extends unknown[] = ArgumentsOf<Text>>(
  code: string | null,
  message: Text,
  variable?: Variable<Args>,
): ErrorMaker<Args> {
  return refusal(400, code, message, variable)
}

/** Defines an error that is due to the server. */
export function serverFailure<Text extends string, Args extends unknown[] = ArgumentsOf<Text>>(
  status: number,
  message: Text,
  variable?: Variable<Args>,
): ErrorMaker<Args> {
  return define({ status, type: 'server_error', code: null, message }, variable)
}

const placeholder = /\{(\w+)\}/g

function fill(template: string, values: Record<string, string | number>): string {
  return template.replaceAll(placeholder, (whole, name: string) => {
    const value = values[name]
    return value === undefined ? whole : clip(String(value))
  })
}

/** Values come from the client, so their length in an answer is bounded. */
function clip(value: string): string {
  return value.length > 1000 ? `${value.slice(0, 1000)}…` : value
}
