/** A whole thread as a file. */
import { openai } from '../api/client.ts'
import type { Message, Run, RunStep } from '../api/types.ts'
import { loadSteps } from '../api/queries.ts'
import { textOf } from './message.tsx'

export async function exportThread(thread_id: string, kind: 'json' | 'markdown'): Promise<string> {
  const threads = openai().beta.threads
  const messages: Message[] = []
  for await (const message of threads.messages.list(thread_id, { order: 'asc', limit: 100 }))
    messages.push(message)
  if (kind === 'markdown') return markdown(messages)
  const runs: (Run & { steps: RunStep[] })[] = []
  for await (const run of threads.runs.list(thread_id, { order: 'asc', limit: 100 })) {
    runs.push({ ...run, steps: await loadSteps(thread_id, run.id) })
  }
  return JSON.stringify({ thread: await threads.retrieve(thread_id), messages, runs }, null, 2)
}

function markdown(messages: Message[]): string {
  const parts = messages.map((message) => {
    const head = `## ${message.role === 'user' ? 'User' : 'Assistant'}, ${new Date(message.created_at * 1000).toISOString()}`
    return `${head}\n\n${textOf(message)}\n`
  })
  return parts.join('\n')
}
