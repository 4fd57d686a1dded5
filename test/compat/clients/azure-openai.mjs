/** `AzureOpenAI` of the npm package `openai`, configured by its own variables. */
import assert from 'node:assert/strict'
import { answer, load, output, question, weather } from './story.mjs'

const { AzureOpenAI } = load('openai')
const client = new AzureOpenAI()
const { assistants, threads } = client.beta
const tools = [{ type: 'function', function: weather }]
const assistant = await assistants.create({ model: 'my-deployment', tools })
const thread = await threads.create({ messages: [{ role: 'user', content: question }] })
const waiting = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
assert.equal(waiting.status, 'requires_action')
const [call] = waiting.required_action.submit_tool_outputs.tool_calls
const run = await threads.runs.submitToolOutputsAndPoll(waiting.id, {
  thread_id: thread.id,
  tool_outputs: [{ tool_call_id: call.id, output }],
})
assert.equal(run.status, 'completed')
const { data } = await threads.messages.list(thread.id)
assert.equal(data[0].content[0].text.value, answer)

await threads.messages.create(thread.id, { role: 'user', content: 'say one two three' })
let text = ''
const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id })
stream.on('textDelta', ({ value }) => (text += value))
assert.equal((await stream.finalRun()).status, 'completed')
assert.equal(text, 'one two three')

const file = await client.files.create({
  file: new File(['The lamp is lit.'], 'lamp.txt'),
  purpose: 'assistants',
})
const store = await client.vectorStores.create({ name: 'Lamps' })
const { status } = await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id })
assert.equal(status, 'completed')
await client.files.delete(file.id)

const chat = await client.chat.completions.create({
  model: 'my-deployment',
  messages: [{ role: 'user', content: 'say hello' }],
})
assert.equal(chat.choices[0].message.content, 'hello')
await assert.rejects(new AzureOpenAI({ apiKey: 'wrong' }).beta.assistants.list(), {
  status: 401,
  code: '401',
})
console.log('pass scenario')
