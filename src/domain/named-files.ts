/** The files in a request: in its tool resources, and in the images and attachments of its messages. */
import type { CreateMessageRequest } from '../api/messages.ts'
import type { CreateToolResources } from '../api/tool-resources.ts'

export type MessageRequests = readonly CreateMessageRequest[] | null | undefined

export interface NamedFile {
  file_id: string
  /** The path of the field that names an image. Absent for files that may be of any type. */
  imagePath?: string
}

export function filesOfResources(resources: CreateToolResources | undefined): NamedFile[] {
  return (resources?.code_interpreter?.file_ids ?? []).map((file_id) => ({ file_id }))
}

/** `path` is the path of the list in the request; undefined when the request is a message. */
export function filesOfMessages(messages: MessageRequests, path: string | undefined): NamedFile[] {
  return (messages ?? []).flatMap((message, index) =>
    filesOfMessage(message, path === undefined ? '' : `${path}[${index}].`),
  )
}

function filesOfMessage(message: CreateMessageRequest, prefix: string): NamedFile[] {
  const parts = typeof message.content === 'string' ? [] : message.content
  const images = parts.flatMap((part, index): NamedFile[] => {
    if (part.type !== 'image_file') return []
    return [{ file_id: part.image_file.file_id, imagePath: `${prefix}content[${index}].image_file.file_id` }]
  })
  return [...images, ...(message.attachments ?? []).map(({ file_id }) => ({ file_id }))]
}

/** The files that messages attach for a tool, each once. */
export function attachedFor(tool: 'code_interpreter' | 'file_search', messages: MessageRequests): string[] {
  const attachments = (messages ?? []).flatMap((message) => message.attachments ?? [])
  const forTool = attachments.filter(({ tools }) => tools.some(({ type }) => type === tool))
  return [...new Set(forTool.map((attachment) => attachment.file_id))]
}
