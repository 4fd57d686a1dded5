/** Where each kind of object is shown. */
import type { ObjectLocation } from '../api/types.ts'

export function addressOf({ id, object, thread_id, run_id }: ObjectLocation): string {
  switch (object) {
    case 'assistant':
      return `/assistants/${id}`
    case 'file':
      return `/files/${id}`
    case 'vector_store':
      return `/vector-stores/${id}`
    case 'thread.run':
      return `/runs/${id}`
    case 'thread.run.step':
      return `/runs/${run_id ?? ''}`
    case 'thread.message':
      return `/threads/${thread_id ?? ''}#${id}`
    default:
      return `/threads/${id}`
  }
}
