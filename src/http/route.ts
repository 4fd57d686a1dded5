/**
 * How an operation is declared: once, in the file of its resource. Its registration, the checks of its input, the
 * order of its 404s and its entry in the OpenAPI document come from the declaration.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { answers, AnswerName, RequestName, requests } from '../api/components.ts'
import type { Context } from '../domain/context.ts'
import type { Server } from './server.ts'

/** `{ thread_id: string; run_id: string }` for `/v1/threads/{thread_id}/runs/{run_id}`. */
type PathParams<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { [Key in Name]: string } & PathParams<Rest>
  : unknown

/** What a handler receives: the checked parts of the request. */
export interface Call<Path extends string, Body, Query, Headers> {
  server: Server
  context: Context
  project: string
  params: PathParams<Path>
  body: Body
  query: Query
  headers: Headers
  request: FastifyRequest
  reply: FastifyReply
}

/** A declaration without its handler: all that the OpenAPI document needs. */
export interface Operation {
  method: 'GET' | 'POST' | 'DELETE'
  /** With `{names}`. */
  path: string
  /** The name that generated clients give it. */
  id: string
  /** One line. */
  summary: string
  /** What a caller should know beyond the summary. */
  description?: string
  query?: z.ZodObject
  headers?: z.ZodObject
  /** The schema of a JSON body. */
  body?: RequestName
  /** A body, or the fields of a form. It works unchanged when the objects that it names exist. */
  example?: object
  /** A multipart form: the schema of its text fields, and the field that holds the file. */
  form?: { fields?: RequestName; file: 'file' | 'data' }
  /** The schema of a JSON answer; absent where there is none. */
  answer?: AnswerName
  /** Answered as server-sent events: always, or when the body has `stream: true`. */
  stream?: 'always' | 'on demand'
  /** Media types of answers that have no schema. */
  media?: string[]
  /** Whether the original API does not have it. */
  isExtension?: boolean
}

/** An operation with its handler. */
export interface Route extends Operation {
  /** Sent as `openai-poll-after-ms` with a JSON answer. */
  pollAfterMs?: number
  /** The most values that the body may hold, where the usual limit is too low. */
  maxValues?: number
  /** Whether the objects of the path are looked up before the handler runs. */
  findsPathFirst?: boolean
  /** Returns undefined when the last object of the path does not exist. */
  handle: (call: Call<string, unknown, unknown, unknown>) => unknown
}

type Body<Name extends RequestName> = (typeof requests)[Name]
type Answer<Name extends AnswerName> = z.input<(typeof answers)[Name]>
type Awaitable<Value> = Value | Promise<Value>

interface Declaration<
  Path extends string,
  BodyName extends RequestName,
  Query extends z.ZodObject,
  Headers extends z.ZodObject,
  Answered extends AnswerName,
> extends Omit<Route, 'handle'> {
  path: Path
  query?: Query
  headers?: Headers
  body?: BodyName
  answer?: Answered
  handle: (
    call: Call<Path, z.output<Body<BodyName>>, z.output<Query>, z.output<Headers>>,
  ) => Awaitable<Answer<Answered> | FastifyReply | undefined>
}

/** Declares an operation; the types of its schemas reach the handler. */
export function route<
  Path extends string,
  BodyName extends RequestName = never,
  Query extends z.ZodObject = never,
  Headers extends z.ZodObject = never,
  Answered extends AnswerName = never,
>(declaration: Declaration<Path, BodyName, Query, Headers, Answered>): Route {
  return declaration as unknown as Route
}
