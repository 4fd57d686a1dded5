/** What formats give and the import writes: objects in the shapes of the API, as far as the source has them. */

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
  /** What only an export of this server has, unchecked. */
  spool?: unknown
}

/** One value of a source file, recognised. */
export interface Recognised {
  /** The name of the format, for the report. */
  format: string
  records: TransferRecord[]
  /** The order of its objects where times are equal. */
  order: Order
  /** Objects that the value holds and no record can carry: reason -> count. */
  skipped?: Record<string, number>
}

export type Order = 'asc' | 'desc'

/** Where a value was found. */
export interface Place {
  /** The path of the file below the folder that is imported. */
  file: string
  /** Counts from 1; of a JSON document always 1. */
  line: number
  /** Unix seconds, for objects without a time. */
  modified_at: number
}

/** Undefined for a value that is not of the format. */
export type Recogniser = (value: Fields, place: Place) => Recognised | undefined
