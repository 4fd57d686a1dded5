/** `@azure/openai-assistants`, for an endpoint, with a key. It knows no streams. */
import assert from 'node:assert/strict'
import { answer, isSettled, load, output, question, until, weather } from './story.mjs'

const { AssistantsClient, AzureKeyCredential } = load('@azure/openai-assistants')
const { AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY } = process.env
const client = new AssistantsClient(AZURE_OPENAI_ENDPOINT, new AzureKeyCredential(AZURE_OPENAI_API_KEY))

const tools = [{ type: 'function', function: weather }]
const assistant = await client.createAssistant({ model: 'my-deployment', name: 'Forecaster', tools })
assert.equal((await client.getAssistant(assistant.id)).name, 'Forecaster')

const thread = await client.createThread()
await client.createMessage(thread.id, 'user', question)
const { id } = await client.createRun(thread.id, { assistantId: assistant.id })
const waiting = await until(isSettled, () => client.getRun(thread.id, id))
assert.equal(waiting.status, 'requires_action')
const [call] = waiting.requiredAction.submitToolOutputs.toolCalls
assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Rome' })
await client.submitToolOutputsToRun(thread.id, id, [{ toolCallId: call.id, output }])
const run = await until(isSettled, () => client.getRun(thread.id, id))
assert.equal(run.status, 'completed', JSON.stringify(run.lastError))
const { data } = await client.listMessages(thread.id)
assert.equal(data[0].content[0].text.value, answer)
assert.ok((await client.listRunSteps(thread.id, id)).data.length >= 2)

const file = await client.uploadFile(Buffer.from('The lamp is lit.'), 'assistants', { filename: 'lamp.txt' })
assert.equal((await client.getFile(file.id)).filename, 'lamp.txt')
assert.ok((await client.listFiles()).data.some(({ id: known }) => known === file.id))
await client.deleteFile(file.id)
await client.deleteThread(thread.id)
assert.equal((await client.deleteAssistant(assistant.id)).deleted, true)
console.log('pass scenario')
