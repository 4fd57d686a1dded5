/** What the chapters of the story begin with. */
import type OpenAI from 'openai'

/** The demo model answers every name. */
export const model = 'gpt-4o'

export const weather: OpenAI.Beta.FunctionTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Tells the weather in a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

export async function makeAssistant(openai: OpenAI): Promise<string> {
  const { id } = await openai.beta.assistants.create({ model, name: 'Compat', tools: [weather] })
  return id
}

/** A thread with one message that holds the directives for the demo model. */
export async function makeThread(openai: OpenAI, content: string): Promise<string> {
  const { id } = await openai.beta.threads.create({ messages: [{ role: 'user', content }] })
  return id
}

export function textOf(message: OpenAI.Beta.Threads.Message | undefined): string {
  const [part] = message?.content ?? []
  return part?.type === 'text' ? part.text.value : ''
}

/** The newest message's text: lists begin with it. */
export async function answerIn(openai: OpenAI, thread: string): Promise<string> {
  const { data } = await openai.beta.threads.messages.list(thread, { limit: 1 })
  return textOf(data[0])
}

export function callsAsked(run: OpenAI.Beta.Threads.Run) {
  return run.required_action?.submit_tool_outputs.tool_calls ?? []
}

/** What a browser or `fs` would hand to the SDK; it sends the name and the bytes. */
export async function textFile(name: string, text: string): Promise<File> {
  return new File([text], name)
}
