/** `@azure/ai-agents`, for a project endpoint, with a bearer token over TLS. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { answer, isSettled, load, output, question, until, weather } from './story.mjs'

const { AgentsClient } = load('@azure/ai-agents')
const getToken = async () => ({ token: process.env.AZURE_TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 })
const client = new AgentsClient(process.env.PROJECT_ENDPOINT, { getToken })

const tools = [{ type: 'function', function: weather }]
const agent = await client.createAgent('my-deployment', { name: 'Forecaster', tools })
assert.equal((await client.getAgent(agent.id)).name, 'Forecaster')

const thread = await client.threads.create()
await client.messages.create(thread.id, 'user', question)
const { id } = await client.runs.create(thread.id, agent.id)
const waiting = await until(isSettled, () => client.runs.get(thread.id, id))
assert.equal(waiting.status, 'requires_action')
const [call] = waiting.requiredAction.submitToolOutputs.toolCalls
assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Rome' })
await client.runs.submitToolOutputs(thread.id, id, [{ toolCallId: call.id, output }])
const run = await until(isSettled, () => client.runs.get(thread.id, id))
assert.equal(run.status, 'completed', JSON.stringify(run.lastError))
const { value: newest } = await client.messages.list(thread.id).next()
assert.equal(newest.content[0].text.value, answer)

await client.messages.create(thread.id, 'user', 'say one two three')
let text = ''
let end
for await (const { event, data } of await client.runs.create(thread.id, agent.id).stream()) {
  if (event === 'thread.message.delta') text += data.delta.content[0].text.value
  if (event.startsWith('thread.run.')) end = event
}
assert.deepEqual({ text, end }, { text: 'one two three', end: 'thread.run.completed' })

const content = Readable.from([Buffer.from('The lamp is lit.')])
const file = await client.files.upload(content, 'assistants', { fileName: 'lamp.txt' })
const store = await client.vectorStores.createAndPoll({ fileIds: [file.id], name: 'Lamps' })
assert.equal(store.fileCounts.completed, 1)
const listed = await client.vectorStoreFiles.list(store.id).next()
assert.equal(listed.value.id, file.id)
await client.vectorStores.delete(store.id)
await client.files.delete(file.id)
await assert.rejects(
  client.createAgent('m', {
    tools: [{ type: 'bing_grounding', bingGrounding: { searchConfigurations: [] } }],
  }),
  /bing_grounding/,
)
await client.threads.delete(thread.id)
await client.deleteAgent(agent.id)
console.log('pass scenario')
