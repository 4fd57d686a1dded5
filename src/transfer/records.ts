/** Records, which formats create and the import writes: objects in the shapes of the API; fields may be missing. */

/** In the order in which they are written. */
export const kinds = [
  'assistant',
  'file',
  'vector_store',
  'vector_store_file',
  'thread',
  'run',
  'message',
  'step',
] as const
export type Kind = (typeof kinds)[number]

export type Fields = Record<string, unknown>

export interface TransferRecord {
  kind: Kind
  object: Fields
  /** Data that only exports of this server have, not yet checked. */
  spool?: unknown
}

/** One value of a source file, recognised. */
export interface Recognised {
  /** The name of the format, for the report. */
  format: string
  records: TransferRecord[]
  /** The order of its objects where times are equal. */
  order: Order
  /** Objects in the value that cannot be imported: reason -> count. */
  skipped?: Record<string, number>
}

export type Order = 'asc' | 'desc'

/** The place of a value in the source. */
export interface Place {
  /** The path of the file below the folder that is imported. */
  file: string
  /** Counts from 1; always 1 in a JSON document. */
  line: number
  /** Unix seconds, for objects without a time. */
  modified_at: number
}

/** Returns undefined for a value of another format. */
export type Recogniser = (value: Fields, place: Place) => Recognised | undefined
