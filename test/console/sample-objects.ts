/** Objects of every kind, made through the API, so that every view has something to show. */
import { toFile } from 'openai'
import type { Console } from './console.ts'

export interface SampleObjects {
  assistant: string
  thread: string
  run: string
  failed: string
  file: string
  store: string
}

const weather = {
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}

export async function createObjects({ openai }: Console): Promise<SampleObjects> {
  const text =
    '# Harbour\n\nThe ferry to the island leaves at a quarter past nine.\n\n# Tower\n\nIt has 218 steps.\n'
  const file = await openai.files.create({
    file: await toFile(Buffer.from(text), 'harbour.md'),
    purpose: 'assistants',
  })
  const store = await openai.vectorStores.create({ name: 'Harbour papers' })
  await openai.vectorStores.files.createAndPoll(store.id, { file_id: file.id, attributes: { year: 2024 } })
  const broken = await openai.files.create({
    file: await toFile(Buffer.from('%PDF-1.4 nothing'), 'broken.pdf'),
    purpose: 'assistants',
  })
  await openai.vectorStores.files.createAndPoll(store.id, { file_id: broken.id })
  const assistant = await openai.beta.assistants.create({
    model: 'demo',
    name: 'Harbour guide',
    instructions: 'Answer from the papers.',
    tools: [{ type: 'file_search' }, { type: 'function', function: weather }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  const thread = await openai.beta.threads.create({ metadata: { customer: 'c-17' } })
  const ask = async (content: string) => {
    await openai.beta.threads.messages.create(thread.id, { role: 'user', content })
    return openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
  }
  const run = await ask('When does the ferry to the island leave?')
  const failed = await ask('fail server_error')
  return {
    assistant: assistant.id,
    thread: thread.id,
    run: run.id,
    failed: failed.id,
    file: file.id,
    store: store.id,
  }
}
