/** Objects in the form of the API: single objects, list pages, and the files of exports. */
import { isObject } from '../../util/is-object.ts'
import { secondsOf } from '../foreign-ids.ts'
import type { Fields, Kind, Recognised, TransferRecord } from '../records.ts'

const kindOf: Record<string, Kind> = {
  assistant: 'assistant',
  file: 'file',
  vector_store: 'vector_store',
  'vector_store.file': 'vector_store_file',
  thread: 'thread',
  'thread.message': 'message',
  'thread.run': 'run',
  'thread.run.step': 'step',
}

/** An object of the API. A run may have `steps`, and a vector store `files`: exports put them there. */
export function recogniseApiObject(value: Fields): Recognised | undefined {
  const { object, ...rest } = value
  const kind = typeof object === 'string' && Object.hasOwn(kindOf, object) ? kindOf[object] : undefined
  if (kind === undefined) return undefined
  const records: TransferRecord[] = [{ kind, object: withSeconds(value) }]
  if (kind === 'run') records.push(...nested(rest['steps'], 'step'))
  if (kind === 'vector_store') records.push(...nested(rest['files'], 'vector_store_file'))
  return { format: 'API objects', records, order: 'asc' }
}

/** `assistants-thread-export/v1`: a thread with everything in it, oldest first. */
export function recogniseThreadExport(value: Fields): Recognised | undefined {
  if (value['export_schema'] !== 'assistants-thread-export/v1') return undefined
  const spool = isObject(value['spool']) ? value['spool'] : {}
  const extrasOf = (name: string, object: Fields) => {
    const extras = spool[name]
    const id = object['id']
    return isObject(extras) && typeof id === 'string' && Object.hasOwn(extras, id)
      ? { spool: extras[id] }
      : {}
  }
  const { thread, files } = value
  const runs = nested(value['runs'], 'run')
  const steps = runs.flatMap(({ object }) => nested(object['steps'], 'step'))
  const records: TransferRecord[] = [
    ...(isObject(thread)
      ? [{ kind: 'thread' as const, object: withSeconds(thread), spool: spool['thread'] }]
      : []),
    ...nested(isObject(files) ? Object.values(files) : files, 'file'),
    ...runs.map((one) => ({ ...one, ...extrasOf('runs', one.object) })),
    ...nested(value['messages'], 'message'),
    ...steps.map((one) => ({ ...one, ...extrasOf('turns', one.object) })),
  ]
  const errors = Array.isArray(value['errors']) ? value['errors'].length : 0
  return {
    format: 'assistants-thread-export/v1',
    records,
    order: 'asc',
    ...(errors > 0 && { skipped: { 'the export could not read it': errors } }),
  }
}

/** `assistants-export-manifest/v1`, which has no objects. */
export function recogniseManifest(value: Fields): Recognised | undefined {
  if (value['export_schema'] !== 'assistants-export-manifest/v1') return undefined
  return { format: 'assistants-export-manifest/v1', records: [], order: 'asc' }
}

function nested(list: unknown, kind: Kind): TransferRecord[] {
  return Array.isArray(list)
    ? list.filter(isObject).map((object) => ({ kind, object: withSeconds(object) }))
    : []
}

/** Converts all times to Unix seconds: programs that save objects also write milliseconds and texts. */
function withSeconds(object: Fields): Fields {
  const seconds: Fields = {}
  for (const key in object) {
    const time = object[key]
    if (!key.endsWith('_at') || (typeof time !== 'number' && typeof time !== 'string')) continue
    seconds[key] = secondsOf(time) ?? time
  }
  return { ...object, ...seconds }
}
