/** Beyond the original API: the kind of an object and its parents, by its id alone. */
import { z } from 'zod'

export const ObjectLocation = z.strictObject({
  id: z.string(),
  object: z.enum([
    'assistant',
    'thread',
    'thread.message',
    'thread.run',
    'thread.run.step',
    'file',
    'vector_store',
  ]),
  thread_id: z.string().optional(),
  run_id: z.string().optional(),
})
export type ObjectLocation = z.output<typeof ObjectLocation>
