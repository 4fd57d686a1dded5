/** Reads the records of a file in batches: finds the format of each value by its content. */
import { isObject } from '../util/is-object.ts'
import { recogniseApiObject, recogniseManifest, recogniseThreadExport } from './formats/api-objects.ts'
import { recogniseConversation, recogniseConversationItem } from './formats/conversations.ts'
import { recogniseFlowiseAssistant, recogniseFlowiseMessage } from './formats/flowise.ts'
import { recogniseLibreChatConversation, recogniseLibreChatMessage } from './formats/librechat.ts'
import { recogniseRow } from './formats/rows.ts'
import { readValues, tooLarge, undecoded, usualDocumentBytes } from './read-values.ts'
import type { Fields, Order, Place, Recognised, Recogniser } from './records.ts'
import type { SourceFile } from './sources.ts'

export interface LocatedRecords {
  line: number
  /** Undefined for a value of no known format; `damaged` for one that is not JSON; `undecoded` once for a file. */
  found: Recognised | undefined | 'damaged' | 'too large' | 'undecoded'
}

export interface ReadingOptions {
  signal: AbortSignal
  /** The maximum size of a JSON document; a larger one is skipped. */
  maxDocumentBytes?: number | undefined
}

/** Undefined for a file without values. Throws the signal's reason. */
export async function readRecords(
  file: SourceFile,
  { signal, maxDocumentBytes = usualDocumentBytes }: ReadingOptions,
): Promise<AsyncIterable<LocatedRecords[]> | undefined> {
  const values = await readValues(file, maxDocumentBytes)
  return values && recogniseAll(values, file, signal)
}

async function* recogniseAll(
  batches: NonNullable<Awaited<ReturnType<typeof readValues>>>,
  file: SourceFile,
  signal: AbortSignal,
): AsyncGenerator<LocatedRecords[]> {
  const { name, modified_at } = file
  for await (const batch of batches) {
    signal.throwIfAborted()
    yield batch.flatMap(({ value, line }): LocatedRecords[] => {
      if (value === undecoded) return [{ line, found: 'undecoded' }]
      if (value === tooLarge) return [{ line, found: 'too large' }]
      if (value === undefined) return [{ line, found: 'damaged' }]
      return recognise(value, { file: name, line, modified_at }).map((found) => ({ line, found }))
    })
  }
}

const recognisers: readonly Recogniser[] = [
  recogniseApiObject,
  recogniseThreadExport,
  recogniseManifest,
  recogniseConversation,
  recogniseLibreChatMessage,
  recogniseLibreChatConversation,
  recogniseFlowiseMessage,
  recogniseFlowiseAssistant,
  recogniseConversationItem,
  recogniseRow,
]

/** Returns one result for each value of an array or a list page; undefined for a value of no known format. */
function recognise(value: unknown, place: Place): (Recognised | undefined)[] {
  const list = listOf(value)
  if (list === undefined) return [recogniseOne(value, place)]
  return list.map((item, index) => {
    const found = recogniseOne(item, { ...place, line: place.line + index })
    // Lists of the API are newest first unless the request says otherwise.
    const order: Order = found?.format === 'API objects' ? 'desc' : 'asc'
    return found && { ...found, order }
  })
}

function listOf(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value
  return isObject(value) && Array.isArray(value['data']) && !('id' in value) ? value['data'] : undefined
}

function recogniseOne(value: unknown, place: Place): Recognised | undefined {
  const fields = plainFields(value)
  if (!fields) return undefined
  for (const one of recognisers) {
    const found = one(fields, place)
    if (found) return found
  }
  return undefined
}

/** Replaces ids and times of MongoDB dumps, `{"$oid"}` and `{"$date"}`, by plain values. */
function plainFields(value: unknown): Fields | undefined {
  if (!isObject(value)) return undefined
  for (const key in value) {
    const field = value[key]
    if (!isObject(field)) continue
    if ('$oid' in field) return { ...value, ...plainPairs(value) }
    if ('$date' in field) return { ...value, ...plainPairs(value) }
  }
  return value
}

function plainPairs(value: Fields): Fields {
  const pairs = Object.entries(value).map(([key, field]) => [key, plainField(field)])
  return Object.fromEntries(pairs) as Fields
}

function plainField(field: unknown): unknown {
  if (!isObject(field)) return field
  const date = field['$date']
  if (isObject(date) && '$numberLong' in date) return Number(date['$numberLong'])
  return field['$oid'] ?? date ?? field
}
