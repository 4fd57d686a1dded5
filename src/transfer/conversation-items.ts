/** Converts a thread to a conversation of the Responses API: its items, oldest first. */
import type { Message } from '../api/messages.ts'
import type { RunStep } from '../api/run-steps.ts'
import type { LoadedThread } from './thread-export.ts'

/** `left_out` counts the calls of built-in tools: their items refer to containers and searches of the service. */
export function conversationOf({ thread, messages, steps }: LoadedThread): {
  conversation: object
  left_out: number
} {
  let left_out = 0
  const items = [
    ...messages.map((message) => ({ seq: message.seq, items: [messageItem(message)] })),
    ...steps.map((step) => {
      const calls = callItems(step)
      left_out += calls.left_out
      return { seq: step.seq, items: calls.items }
    }),
  ]
  const { id, created_at, metadata } = thread
  const sorted = items.toSorted((a, b) => a.seq - b.seq).flatMap((one) => one.items)
  return { conversation: { id, object: 'conversation', created_at, metadata, items: sorted }, left_out }
}

function messageItem({ id, role, status, content, attachments }: Message): object {
  const parts = content.map((part) => {
    if (part.type === 'text' && role === 'assistant') {
      return { type: 'output_text', text: part.text.value, annotations: [] }
    }
    if (part.type === 'text') return { type: 'input_text', text: part.text.value }
    if (part.type === 'refusal') return part
    if (part.type === 'image_url') {
      return { type: 'input_image', image_url: part.image_url.url, detail: part.image_url.detail }
    }
    return { type: 'input_image', file_id: part.image_file.file_id, detail: part.image_file.detail ?? 'auto' }
  })
  const files = attachments.map(({ file_id }) => ({ type: 'input_file', file_id }))
  return { type: 'message', id, role, status, content: [...parts, ...files] }
}

function callItems({ step_details }: Pick<RunStep, 'step_details'>): { items: object[]; left_out: number } {
  if (step_details.type !== 'tool_calls') return { items: [], left_out: 0 }
  const functions = step_details.tool_calls.filter((call) => call.type === 'function')
  const items = functions.flatMap(({ id, function: { name, arguments: written, output } }) => {
    // The service refuses a call without its output.
    if (output === null) return []
    return [
      { type: 'function_call', call_id: id, name, arguments: written },
      { type: 'function_call_output', call_id: id, output },
    ]
  })
  return { items, left_out: step_details.tool_calls.length - items.length / 2 }
}
