/** Sends a message and begins its run. */
import type OpenAI from 'openai'
import { openai } from '../api/client.ts'
import type { RequestCode } from '../api/code.ts'
import { keys, queryClient } from '../api/queries.ts'
import type { Run } from '../api/types.ts'
import { uploadAll } from '../assistants/resources.tsx'
import { bodyOfOptions, type RunOptions } from './options.ts'

export interface Attached {
  file: File
  use: 'vision' | 'file_search' | 'code_interpreter'
}

export function usualUse(file: File): Attached['use'] {
  if (/^image\/(png|jpeg|gif|webp)$/.test(file.type)) return 'vision'
  return /\.(csv|tsv|xlsx?|parquet|zip)$/i.test(file.name) ? 'code_interpreter' : 'file_search'
}

export interface Written {
  text: string
  files: Attached[]
  options: RunOptions
}

/** In one request: a message is never left behind without its run. */
export async function beginRun(
  { assistant, thread }: { assistant: string; thread?: string },
  written: Written,
): Promise<{ run: Run; action: RequestCode }> {
  const message = await messageOf(written)
  const options = bodyOfOptions(written.options)
  // Creating thread and run at once has no additional instructions.
  const needsThread = thread === undefined && options.additional_instructions !== undefined
  const id = needsThread ? (await openai().beta.threads.create()).id : thread
  if (id === undefined) {
    const body = { assistant_id: assistant, thread: { messages: [message] }, ...options }
    const run = await openai().beta.threads.createAndRun(
      body as OpenAI.Beta.ThreadCreateAndRunParamsNonStreaming,
    )
    await refresh(run.thread_id)
    const sdk = { name: 'beta.threads.create_and_run', params: body }
    return { run, action: { method: 'POST', path: '/threads/runs', body, sdk } }
  }
  const body = { assistant_id: assistant, additional_messages: [message], ...options }
  const run = await openai().beta.threads.runs.create(id, body)
  await refresh(id)
  const sdk = { name: 'beta.threads.runs.create', ids: [id], params: body }
  return { run, action: { method: 'POST', path: `/threads/${id}/runs`, body, sdk } }
}

async function messageOf({
  text,
  files,
}: Written): Promise<OpenAI.Beta.Threads.RunCreateParams.AdditionalMessage> {
  const seen = await uploadAll(ofUse(files, 'vision'), 'vision')
  const attachments: { file_id: string; tools: [{ type: 'file_search' | 'code_interpreter' }] }[] = []
  for (const type of ['file_search', 'code_interpreter'] as const) {
    for (const file_id of await uploadAll(ofUse(files, type), 'assistants'))
      attachments.push({ file_id, tools: [{ type }] })
  }
  const said = text.trim() === '' ? [] : [{ type: 'text' as const, text }]
  const pictures = seen.map((file_id) => ({ type: 'image_file' as const, image_file: { file_id } }))
  const content = pictures.length === 0 && said[0] ? said[0].text : [...said, ...pictures]
  const words = typeof content !== 'string' && content.length === 0 ? 'See the attached files.' : content
  return { role: 'user', content: words, ...(attachments.length > 0 && { attachments }) }
}

function ofUse(files: Attached[], use: Attached['use']): File[] {
  return files.filter((one) => one.use === use).map((one) => one.file)
}

async function refresh(thread_id: string): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: keys.messages(thread_id) }),
    queryClient.invalidateQueries({ queryKey: keys.threadRuns(thread_id) }),
    queryClient.invalidateQueries({ queryKey: [...keys.threads, 'list'] }),
  ])
}
