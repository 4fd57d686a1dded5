/** `AssistantResponse` of the Vercel AI SDK 4 on a server, and `useAssistant` of its React package as the client. */
import assert from 'node:assert/strict'
import { answer, load, output, question, weather } from './story.mjs'

const { AssistantResponse } = load('ai')
const { OpenAI } = load('openai')
const { useAssistant } = load('@ai-sdk/react')
const { createElement } = load('react')
const { act, create } = load('react-test-renderer')

const openai = new OpenAI()
const assistant = await openai.beta.assistants.create({
  model: 'gpt-4o',
  tools: [{ type: 'function', function: weather }],
})

/** The route as the documentation of the SDK writes it. */
async function route(url, { body }) {
  assert.equal(url, '/api/assistant')
  const input = JSON.parse(body)
  const threadId = input.threadId ?? (await openai.beta.threads.create({})).id
  const message = await openai.beta.threads.messages.create(threadId, {
    role: 'user',
    content: input.message,
  })
  return AssistantResponse({ threadId, messageId: message.id }, async ({ forwardStream }) => {
    let run = await forwardStream(openai.beta.threads.runs.stream(threadId, { assistant_id: assistant.id }))
    while (run?.status === 'requires_action') {
      const calls = run.required_action.submit_tool_outputs.tool_calls
      run = await forwardStream(
        openai.beta.threads.runs.submitToolOutputsStream(threadId, run.id, {
          tool_outputs: calls.map(({ id }) => ({ tool_call_id: id, output })),
        }),
      )
    }
  })
}

globalThis.IS_REACT_ACT_ENVIRONMENT = true
let chat
function Page() {
  chat = useAssistant({ api: '/api/assistant', fetch: route })
  return null
}
act(() => void create(createElement(Page)))

const ask = (content) => act(() => chat.append({ role: 'user', content }))
await ask(question)
await ask('say one two three')
assert.equal(chat.error, undefined)
assert.equal(chat.status, 'awaiting_message')
const expected = [question, answer, 'say one two three', 'one two three']
assert.deepEqual(
  chat.messages.map(({ content }) => content),
  expected,
)
// What the page shows is what the thread holds, with the same ids.
const { data } = await openai.beta.threads.messages.list(chat.threadId, { order: 'asc' })
assert.deepEqual(
  data.map(({ id, content }) => ({ id, content: content[0].text.value })),
  chat.messages.map(({ id, content }) => ({ id, content })),
)
await openai.beta.assistants.del(assistant.id)
console.log('pass scenario')
