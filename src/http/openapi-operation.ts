/** What the API's description says of one route. */
import type { z } from 'zod'
import type { AnswerName, RequestName } from '../api/components.ts'

export type Tag =
  | 'Assistants'
  | 'Threads'
  | 'Messages'
  | 'Runs'
  | 'Run steps'
  | 'Files'
  | 'Uploads'
  | 'Vector stores'
  | 'Models'
  | 'Server'

export interface Operation extends OperationParts {
  method: 'get' | 'post' | 'delete'
  /** With `{names}`. */
  path: string
  /** The name that generated clients give it. */
  id: string
  /** One line. */
  summary: string
}

export interface OperationParts {
  tag: Tag
  /** What a caller should know beyond the summary. */
  description?: string
  query?: z.ZodObject
  headers?: z.ZodObject
  /** Sent as JSON. */
  body?: RequestName
  /** Sent as a multipart form: the text fields, and the one field that holds the file. */
  form?: { fields?: RequestName; file: string }
  /** Answered as JSON; absent where there is no such answer. */
  answer?: AnswerName
  /** Answered as server-sent events: always, or when the body says `stream: true`. */
  stream?: 'always' | 'on demand'
  /** Media types of answers that have no schema here. */
  media?: string[]
  /** Whether it is beyond the original API. */
  isExtension?: boolean
}

/** `operation('get /v1/threads', 'listThreads', 'Lists the threads of the project', {…})`. */
export function operation(
  route: `${Operation['method']} /${string}`,
  id: string,
  summary: string,
  parts: OperationParts,
): Operation {
  const [method, path = ''] = route.split(' ')
  return { method: method as Operation['method'], path, id, summary, ...parts }
}
