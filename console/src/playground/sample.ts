/** The guided start: a document, a vector store that holds it, and an assistant that searches it. */
import { openai } from '../api/client.ts'
import { keys, queryClient } from '../api/queries.ts'
import document from './sample.md?raw'

/** Metadata by which the sample's assistant is known. */
export const sampleKey = 'spool_sample'

export const questions = [
  'How high is the lighthouse of Skarvo?',
  'When does the ferry leave for the island?',
  'What is the signal of the lamp?',
]

/** Answers the assistant's id; `onStep` receives what is being done. */
export async function makeSample(onStep: (step: string) => void): Promise<string> {
  const client = openai()
  onStep('Uploading the document…')
  const file = await client.files.create({
    file: new File([document], 'lighthouse.md', { type: 'text/markdown' }),
    purpose: 'assistants',
  })
  onStep('Reading it into a vector store…')
  const store = await client.vectorStores.create({ name: 'Sample: lighthouse' })
  await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id })
  onStep('Creating the assistant…')
  const assistant = await client.beta.assistants.create({
    name: 'Lighthouse guide',
    model: await firstModel(),
    instructions: 'Answer from the document, in one or two sentences, and cite the passage.',
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
    metadata: { [sampleKey]: '1' },
  })
  for (const queryKey of [keys.assistants, keys.files, keys.stores])
    await queryClient.invalidateQueries({ queryKey })
  return assistant.id
}

async function firstModel(): Promise<string> {
  for await (const model of openai().models.list()) return model.id
  return 'gpt-4o'
}
