/** Messages of a thread. */
import { z } from 'zod'
import { maxTextLength } from './assistants.ts'
import { errors } from './errors.ts'
import { at, atOrNull, addIssue, deletion, id, text } from './fields.ts'
import { Metadata, MetadataRequest } from './metadata.ts'

const Role = z.enum(['user', 'assistant'])
const Detail = z.enum(['auto', 'low', 'high'])

const citation = {
  text: z.string(),
  start_index: z.int(),
  end_index: z.int(),
}
/** The place in the text where a file is cited or linked; indices count code points. */
export const Annotation = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('file_citation'),
    ...citation,
    file_citation: z.strictObject({ file_id: z.string() }),
  }),
  z.strictObject({
    type: z.literal('file_path'),
    ...citation,
    file_path: z.strictObject({ file_id: z.string() }),
  }),
])
export type Annotation = z.output<typeof Annotation>

/** `detail` is absent on images that code_interpreter created. */
export const MessageContentPart = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('text'),
    text: z.strictObject({ value: z.string(), annotations: z.array(Annotation) }),
  }),
  z.strictObject({
    type: z.literal('image_file'),
    image_file: z.strictObject({ file_id: z.string(), detail: Detail.optional() }),
  }),
  z.strictObject({
    type: z.literal('image_url'),
    image_url: z.strictObject({ url: z.string(), detail: Detail }),
  }),
  z.strictObject({ type: z.literal('refusal'), refusal: z.string() }),
])
export type MessageContentPart = z.output<typeof MessageContentPart>

const AttachmentTool = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('code_interpreter') }),
  z.strictObject({ type: z.literal('file_search') }),
])
const Attachment = z.strictObject({ file_id: z.string(), tools: z.array(AttachmentTool) })

const MessageStatus = z.enum(['in_progress', 'incomplete', 'completed'])

const MessageIncompleteReason = z.enum([
  'content_filter',
  'max_tokens',
  'run_cancelled',
  'run_expired',
  'run_failed',
])

export const Message = z.strictObject({
  id: z.string(),
  object: z.literal('thread.message'),
  created_at: at,
  assistant_id: z.string().nullable(),
  thread_id: z.string(),
  run_id: z.string().nullable(),
  status: MessageStatus,
  incomplete_details: z.strictObject({ reason: MessageIncompleteReason }).nullable(),
  incomplete_at: atOrNull,
  completed_at: atOrNull,
  role: Role,
  content: z.array(MessageContentPart),
  attachments: z.array(Attachment),
  metadata: Metadata,
})
export type Message = z.output<typeof Message>

const imageUrl = z
  .string()
  .check(({ value, issues }) => {
    if (!isImageUrl(value)) addIssue(issues, value, (path) => errors.invalidImageUrl(path))
  })
  .meta({ format: 'uri' })

function isImageUrl(value: string): boolean {
  if (/^data:/i.test(value)) return /^data:image\/[\w.+-]+;base64,[A-Za-z0-9+/]+={0,2}$/i.test(value)
  return /^https?:\/\//i.test(value) && URL.canParse(value)
}

const MessageContentPartRequest = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('image_file'),
    image_file: z.strictObject({ file_id: id('file'), detail: Detail.default('auto') }),
  }),
  z.strictObject({
    type: z.literal('image_url'),
    image_url: z.strictObject({ url: imageUrl, detail: Detail.default('auto') }),
  }),
  z.strictObject({ type: z.literal('text'), text: text({ max: maxTextLength }) }),
])

/** A string stays a string here; it becomes one text part when the message is created. */
export const CreateMessageRequest = z.strictObject({
  role: Role,
  content: z.union([text({ min: 1, max: maxTextLength }), z.array(MessageContentPartRequest).min(1)], {
    error: 'one of a string or array of objects',
  }),
  attachments: z
    .array(z.strictObject({ file_id: id('file'), tools: z.array(AttachmentTool).min(1) }))
    .nullish(),
  metadata: MetadataRequest,
})
export type CreateMessageRequest = z.output<typeof CreateMessageRequest>

export const ModifyMessageRequest = z.strictObject({ metadata: MetadataRequest })
export type ModifyMessageRequest = z.output<typeof ModifyMessageRequest>

export const MessageDeleted = deletion('thread.message.deleted')
