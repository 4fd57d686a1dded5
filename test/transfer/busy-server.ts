/** A server with an object of every kind. */
import type { Config } from '../../src/config/config.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf, uploadFile } from '../harness/vector-stores.ts'

export async function busyServer(config: Partial<Config> = {}): Promise<TestServer> {
  const server = await testServer({ scriptedEmbedder: true, config })
  const { openai, model } = server
  const store = await storeOf(server, { 'heron.txt': 'The heron waits in shallow water.' })
  await uploadFile(server, 'lonely.txt', 'Nobody names this file.')
  const assistant = await openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'function', function: { name: 'add' } }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  model.script([{ calls: [{ name: 'add', arguments: '{"a":1}', id: 'call_1' }] }, { text: 'It is 3.' }])
  const run = await openai.beta.threads.createAndRunPoll(
    { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: '1 + 2?' }] } },
    { pollIntervalMs: 20 },
  )
  await openai.beta.threads.runs.submitToolOutputsAndPoll(
    run.id,
    { thread_id: run.thread_id, tool_outputs: [{ tool_call_id: 'call_1', output: '3' }] },
    { pollIntervalMs: 20 },
  )
  await openai.beta.threads.create({ messages: [{ role: 'user', content: 'Alone' }] })
  return server
}
