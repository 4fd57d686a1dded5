/** Threads. */
import { z } from 'zod'
import { at, deletion, id } from './fields.ts'
import { CreateMessageRequest } from './messages.ts'
import { Metadata, MetadataRequest } from './metadata.ts'
import { CreateToolResources, ModifyToolResources, ToolResources } from './tool-resources.ts'

export const Thread = z.strictObject({
  id: z.string(),
  object: z.literal('thread'),
  created_at: at,
  metadata: Metadata,
  tool_resources: ToolResources,
})
export type Thread = z.output<typeof Thread>

/** A thread of a list, with the beginning of its first message where the request includes it; null when it has no text. */
export const ListedThread = Thread.extend({ first_message: z.string().nullable().optional() })
export type ListedThread = z.output<typeof ListedThread>

export const CreateThreadRequest = z.strictObject({
  messages: z.array(CreateMessageRequest).optional(),
  tool_resources: CreateToolResources,
  metadata: MetadataRequest,
})
export type CreateThreadRequest = z.output<typeof CreateThreadRequest>

export const ModifyThreadRequest = z.strictObject({
  tool_resources: ModifyToolResources,
  metadata: MetadataRequest,
})
export type ModifyThreadRequest = z.output<typeof ModifyThreadRequest>

/** Beyond the original API: the parts of a thread that its copy contains. */
export const ForkThreadRequest = z.strictObject({
  metadata: MetadataRequest,
  last_message_id: id('message').optional(),
})
export type ForkThreadRequest = z.output<typeof ForkThreadRequest>

export const ThreadDeleted = deletion('thread.deleted')
