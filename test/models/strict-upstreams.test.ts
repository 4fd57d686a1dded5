/** Conversations through the whole server, with model servers that refuse the same requests as the real ones. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerSchema, providerRuns, storeOfMoon } from '../harness/provider-runs.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { stories } from '../harness/stories.ts'
import { strictUpstream, type Provider, type StrictUpstream } from '../harness/strict-upstreams/base.ts'
import { claude, claudeNewest } from '../harness/strict-upstreams/claude.ts'
import { deepseek } from '../harness/strict-upstreams/deepseek.ts'
import { gemini } from '../harness/strict-upstreams/gemini.ts'
import { groq } from '../harness/strict-upstreams/groq.ts'
import { llamaCpp } from '../harness/strict-upstreams/llama-cpp.ts'
import { lmStudio } from '../harness/strict-upstreams/lm-studio.ts'
import { mistral } from '../harness/strict-upstreams/mistral.ts'
import { ollama } from '../harness/strict-upstreams/ollama.ts'
import { openaiReasoning } from '../harness/strict-upstreams/openai-reasoning.ts'
import { vllmOld } from '../harness/strict-upstreams/vllm-old.ts'

const providers: Provider[] = [
  openaiReasoning,
  claude,
  claudeNewest,
  gemini,
  deepseek,
  ollama,
  vllmOld,
  llamaCpp,
  lmStudio,
  groq,
  mistral,
]
const upstreams = new Map<string, StrictUpstream>()
let server: TestServer
let storeId: string

beforeAll(async () => {
  for (const provider of providers) upstreams.set(provider.name, await strictUpstream(provider))
  server = await testServer({
    models: {
      providers: Object.fromEntries(
        [...upstreams].map(([name, { url }]) => [name, { type: 'openai', base_url: url }]),
      ),
      models: Object.fromEntries([...upstreams.keys()].map((name) => [name, `${name}/strict`])),
    },
    config: { sandbox: { choice: 'auto', pythonPath: undefined, downloads: false } },
  })
  storeId = await storeOfMoon(server)
})
afterAll(async () => {
  // Refusals that were answered by a changed request are logged, once for each.
  const isExpected = ({ message }: { message: string }) => message.includes('refused parts of a request')
  const others = server.complaints.filter((complaint) => !isExpected(complaint))
  server.complaints.splice(0, server.complaints.length, ...others)
  await server.close()
  for (const upstream of upstreams.values()) await upstream.close()
})

const { post, get, newAssistant, newThread, rest, start, steps } = stories(() => server)
const { runToEnd, answerOf } = providerRuns(() => server)

const functionTool = (name: string, rest: object = {}) => ({
  type: 'function',
  function: {
    name,
    parameters: {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: {
        city: { type: 'string', title: 'City' },
        days: { type: 'integer', exclusiveMinimum: 0 },
        hours: { type: 'array', items: { type: 'integer' }, minItems: 1 },
        format: { type: 'string' },
      },
      required: ['city'],
    },
    ...rest,
  },
})
const functions = [functionTool('get_weather'), functionTool('get_time')]
const response_format = {
  type: 'json_schema',
  json_schema: { name: 'out', schema: answerSchema, strict: true },
}

describe.each(providers.map(({ name }) => name))('%s', (name) => {
  test('gets no field that it refuses when nothing is configured', async () => {
    const upstream = upstreams.get(name)
    const before = upstream?.refused.length
    const thread = await newThread('Hello')
    await runToEnd(name, thread)
    expect(await answerOf(thread)).toBe('All done.')
    const isKnownToRefuseUsage = name === 'vllm-old' || name === 'mistral'
    expect(upstream?.refused.length).toBe(isKnownToRefuseUsage ? 1 : before)
  })

  test('streams an answer, with every setting that an assistant can have', async () => {
    const assistant = await newAssistant({
      model: name,
      temperature: 0.2,
      top_p: 0.9,
      reasoning_effort: 'low',
      tools: functions,
    })
    const events = await server.stream('/threads/runs', {
      assistant_id: assistant.id,
      thread: { messages: [{ role: 'user', content: 'Hello' }] },
      max_completion_tokens: 500,
      parallel_tool_calls: false,
    })
    const texts = events.filter(({ event }) => event === 'thread.message.delta')
    expect(texts.map(({ data }) => data.delta.content[0].text.value).join('')).toBe('All done.')
    expect(events.at(-2)?.event).toBe('thread.run.completed')
  })

  test('two rounds of functions, each with text before, and a later run of the thread', async () => {
    const thread = await newThread('Please call get_weather then get_time')
    const run = await runToEnd(name, thread, { tools: functions })
    const { data } = await steps(run)
    expect(data.filter((step: any) => step.type === 'tool_calls')).toHaveLength(2)
    await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Once more: call get_time' })
    await runToEnd(name, thread, { tools: functions })
    expect(await answerOf(thread)).toBe('All done.')
  })

  test('file_search and then code_interpreter', async () => {
    const thread = await newThread('Please call file_search then code_interpreter')
    const run = await runToEnd(name, thread, {
      tools: [{ type: 'file_search' }, { type: 'code_interpreter' }],
      tool_resources: { file_search: { vector_store_ids: [storeId] } },
    })
    const { data } = await steps(run)
    const calls = data.flatMap((step: any) => step.step_details.tool_calls ?? [])
    expect(calls.map((call: any) => call.type)).toEqual(['file_search', 'code_interpreter'])
    expect(calls[1].code_interpreter.outputs).toEqual([{ type: 'logs', logs: '42\n' }])
    const last = upstreams.get(name)?.accepted.at(-1).messages
    expect(JSON.stringify(last)).toContain('made of rock')
  })

  test('an answer by a schema, together with strict functions', async () => {
    const thread = await newThread('Please call get_weather')
    const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
    const parameters = { ...city, additionalProperties: false }
    const tools = [functionTool('get_weather', { strict: true, parameters })]
    const run = await runToEnd(name, thread, { tools, response_format })
    expect(JSON.parse(await answerOf(thread))).toEqual({ answer: 'done' })
    expect((await steps(run)).data.map((step: any) => step.type)).toContain('tool_calls')
  })

  test('a JSON object', async () => {
    const thread = await newThread('Answer in JSON.')
    await runToEnd(name, thread, { response_format: { type: 'json_object' } })
    expect(JSON.parse(await answerOf(thread))).toEqual({ answer: 'done' })
  })

  test('calls no function when tool_choice forbids it', async () => {
    const thread = await newThread('Please call get_weather')
    const assistant = await newAssistant({ model: name, tools: functions })
    const run = await rest(await start({ assistant, thread }, { tool_choice: 'none' }))
    expect(run.status).toBe('completed')
    expect((await steps(run)).data.map((step: any) => step.type)).toEqual(['message_creation'])
    expect(upstreams.get(name)?.accepted.at(-1)).not.toHaveProperty('tools')
  })

  test('continues a thread in which other models called functions', async () => {
    const thread = await newThread('Please call get_weather')
    await runToEnd('ollama', thread, { tools: functions })
    await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Please call get_time' })
    await runToEnd('groq', thread, { tools: functions })
    await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Please call get_time' })
    await runToEnd(name, thread, { tools: functions })
    expect(await answerOf(thread)).toBe('All done.')
  })

  test('text and calls of a turn were always sent in one message', () => {
    expect(upstreams.get(name)?.refused.join('\n')).not.toMatch(/alternate|followed by/)
  })
})

test('the trace of the run names what was changed', async () => {
  const run = await runToEnd('claude', await newThread('Hello'), { temperature: 0.2, top_p: 0.9 })
  const { data } = await get(`/threads/${run.thread_id}/runs/${run.id}/trace`)
  expect(data).toContainEqual(
    expect.objectContaining({ kind: 'request_adapted', changes: ['leave_out: top_p'] }),
  )
})

test('a refusal is remembered: the next request is right at once', async () => {
  const upstream = upstreams.get('claude-newest')
  await runToEnd('claude-newest', await newThread('Hello'), { temperature: 0.2 })
  const before = upstream?.refused.length
  await runToEnd('claude-newest', await newThread('Hello'), { temperature: 0.2 })
  expect(upstream?.refused.length).toBe(before)
})
