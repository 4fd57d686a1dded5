/** `OpenAIAssistantRunnable` of LangChain for JavaScript. */
import assert from 'node:assert/strict'
import { answer, load, output, question, weather } from './story.mjs'

const { OpenAIAssistantRunnable } = load('langchain/experimental/openai_assistant')
const { OpenAIFiles } = load('langchain/experimental/openai_files')
const assistant = await OpenAIAssistantRunnable.createAssistant({
  model: 'gpt-4o',
  name: 'Forecaster',
  tools: [{ type: 'function', function: weather }],
  asAgent: true,
})
const [action] = await assistant.invoke({ content: question })
assert.deepEqual(
  { tool: action.tool, toolInput: action.toolInput },
  { tool: weather.name, toolInput: { city: 'Rome' } },
)
const { returnValues } = await assistant.invoke({ steps: [{ action, observation: output }] })
assert.equal(returnValues.output, answer)
const next = await assistant.invoke({ content: 'say hello', threadId: returnValues.threadId })
assert.equal(next.returnValues.output, 'hello')
assert.equal((await assistant.getAssistant()).name, 'Forecaster')
await assistant.modifyAssistant({ model: 'gpt-4o', name: 'Other' })
assert.equal((await assistant.getAssistant()).name, 'Other')

const files = new OpenAIFiles()
const file = await files.createFile({
  file: new File(['The lamp is lit.'], 'lamp.txt'),
  purpose: 'assistants',
})
assert.equal((await files.retrieveFile({ fileId: file.id })).filename, 'lamp.txt')
await files.deleteFile({ fileId: file.id })
assert.equal((await assistant.deleteAssistant()).deleted, true)
console.log('pass scenario')
