/** Finds the format of a value by its content. */
import { isObject } from '../../util/is-object.ts'
import { plainFields } from '../read-values.ts'
import type { Order, Place, Recognised, Recogniser } from '../records.ts'
import { recogniseApiObject, recogniseManifest, recogniseThreadExport } from './api-objects.ts'
import { recogniseConversation, recogniseConversationItem } from './conversations.ts'
import { recogniseFlowiseAssistant, recogniseFlowiseMessage } from './flowise.ts'
import { recogniseLibreChatConversation, recogniseLibreChatMessage } from './librechat.ts'
import { recogniseRow } from './rows.ts'

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
export function recognise(value: unknown, place: Place): (Recognised | undefined)[] {
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
