/** Conversations with model servers that refuse the same requests as the real ones. */
import { expect } from 'vitest'
import type { TestServer } from './server.ts'
import { stories } from './stories.ts'

export const answerSchema = {
  type: 'object',
  properties: { answer: { type: 'string' } },
  required: ['answer'],
  additionalProperties: false,
}

/** Creates a vector store with one small file; returns its id. */
export async function storeOfMoon({ openai }: TestServer): Promise<string> {
  const file = new File(['The moon is made of rock.'], 'moon.txt')
  const { id: file_id } = await openai.files.create({ file, purpose: 'assistants' })
  const store = await openai.vectorStores.create({})
  await openai.vectorStores.files.createAndPoll(store.id, { file_id }, { pollIntervalMs: 20 })
  return store.id
}

export function providerRuns(server: () => TestServer) {
  const { post, newAssistant, rest, start, messages } = stories(server)

  /** Runs a new assistant with these fields on the thread, answers each function, and expects the run to complete. */
  async function runToEnd(model: string, thread: any, fields: object = {}): Promise<any> {
    const assistant = await newAssistant({ model, ...fields })
    let run = await rest(await start({ assistant, thread }))
    while (run.status === 'requires_action') {
      const calls: any[] = run.required_action.submit_tool_outputs.tool_calls
      const tool_outputs = calls.map((call) => ({ tool_call_id: call.id, output: 'sunny at noon' }))
      await post(`/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs })
      run = await rest(run)
    }
    expect(run.last_error).toBeNull()
    expect(run.status).toBe('completed')
    return run
  }

  /** The text of the last message. */
  async function answerOf(thread: any): Promise<string> {
    const { data } = await messages(thread, 'order=desc&limit=1')
    return data[0].content[0].text.value
  }

  return { runToEnd, answerOf }
}
