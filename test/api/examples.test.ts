import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'

/** What a page with a "Try it out" button does: it sends the example of each operation as it is, with ids that exist. */

let server: TestServer
let embeddings: TestServer
let document: any
beforeAll(async () => {
  // Examples name the default model and need no script: the demo model answers.
  server = await testServer({ models: { providers: {}, models: {} }, config: { allowAllDownloads: true } })
  embeddings = await testServer({ scriptedEmbedder: true })
  document = await (await fetch(server.url.replace(/v1$/, 'openapi.json'))).json()
})
afterAll(async () => {
  await server.close()
  await embeddings.close()
})

interface Operation {
  id: string
  method: string
  path: string
  content: Record<string, { example?: unknown }>
}

function operations(): Operation[] {
  return Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.entries<any>(methods)
      // What the server refuses by design has no answer in the document.
      .filter(([, operation]) => operation.responses['200'] !== undefined)
      .map(([method, { operationId: id, requestBody }]) => ({
        id,
        method: method.toUpperCase(),
        path,
        content: requestBody?.content ?? {},
      })),
  )
}

const operation = (id: string): Operation => operations().find((one) => one.id === id)!

/** Ids that exist, by the name of the path parameter. */
type Ids = Record<string, string>

/** Ids and file names in examples, by how they start. */
const placeholders: [RegExp, string][] = [
  [/^asst_/, 'assistant_id'],
  [/^file-/, 'file_id'],
  [/^part_/, 'part_id'],
  [/^call_/, 'call_id'],
]

function filled(value: unknown, ids: Ids): unknown {
  if (Array.isArray(value)) return value.map((one) => filled(one, ids))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, ids)]))
  }
  const name = typeof value === 'string' && placeholders.find(([prefix]) => prefix.test(value))?.[1]
  return name ? ids[name] : value
}

async function execute({ id, method, path, content }: Operation, ids: Ids): Promise<Response> {
  const { url } = id === 'createEmbeddings' ? embeddings : server
  const address = url.replace(/\/v1$/, '') + path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name]!)
  const headers: Record<string, string> = {
    authorization: 'Bearer test-key',
    'openai-beta': 'assistants=v2',
  }
  const { 'application/json': json, 'multipart/form-data': form } = content
  if (json) {
    headers['content-type'] = 'application/json'
    const body = JSON.stringify(filled(json.example, ids))
    return fetch(address, { method, headers, body })
  }
  if (!form) return fetch(address, { method, headers })
  const body = new FormData()
  for (const [name, value] of Object.entries(form.example as Record<string, string>)) {
    if (name === 'file' || name === 'data') body.set(name, new Blob([value]), 'example.txt')
    else body.set(name, value)
  }
  return fetch(address, { method, headers, body })
}

/** The answer of an operation that others need. */
async function made(id: string, ids: Ids): Promise<any> {
  const answer = await execute(operation(id), ids)
  const text = await answer.text()
  expect([id, answer.status, text]).toEqual([id, 200, expect.anything()])
  return JSON.parse(text)
}

/** What the last message must say so that the run is in the state that an operation is for. */
const directives: Record<string, string> = {
  cancelRun: 'slow 60000\nsay Hello to all of you',
  submitToolOutputs: 'call get_weather {}',
}

/** Makes the objects that an operation names, by the examples of the operations that create them. */
async function prerequisites({ id, path, content }: Operation): Promise<Ids> {
  const needs = (text: string) => `${path} ${JSON.stringify(content)}`.includes(text)
  const ids: Ids = { model: 'gpt-4o' }
  if (needs('{id}')) ids['id'] = (await made('createThread', ids)).id
  if (needs('asst_') || needs('{assistant_id}') || needs('{run_id}')) {
    ids['assistant_id'] = (await made('createAssistant', ids)).id
  }
  if (needs('{thread_id}')) ids['thread_id'] = (await made('createThread', ids)).id
  if (needs('{message_id}')) ids['message_id'] = (await made('createMessage', ids)).id
  if (needs('{run_id}')) Object.assign(ids, await runFor(id, ids))
  if (needs('file-') || needs('{file_id}')) ids['file_id'] = (await made('createFile', ids)).id
  if (needs('{vector_store_id}')) ids['vector_store_id'] = (await made('createVectorStore', ids)).id
  if (needs('{vector_store_id}/files/{file_id}')) await made('createVectorStoreFile', ids)
  if (needs('{batch_id}')) {
    ids['file_id'] ??= (await made('createFile', ids)).id
    ids['batch_id'] = (await made('createVectorStoreFileBatch', ids)).id
  }
  if (needs('{upload_id}')) ids['upload_id'] = (await made('createUpload', ids)).id
  if (needs('part_')) ids['part_id'] = (await made('addUploadPart', ids)).id
  return ids
}

async function runFor(id: string, { thread_id = '', assistant_id = '' }: Ids): Promise<Ids> {
  const { runs, messages } = server.openai.beta.threads
  const tools = [{ type: 'function' as const, function: { name: 'get_weather' } }]
  const directive = directives[id]
  if (directive) await messages.create(thread_id, { role: 'user', content: directive })
  const run = await runs.create(thread_id, { assistant_id, tools })
  if (id === 'cancelRun') return { run_id: run.id }
  const ended = await runs.poll(run.id, { thread_id }, { pollIntervalMs: 20 })
  const [call] = ended.required_action?.submit_tool_outputs.tool_calls ?? []
  const [step] = (await runs.steps.list(run.id, { thread_id })).data
  return { run_id: run.id, step_id: step?.id ?? '', call_id: call?.id ?? '' }
}

test('every operation with a body has an example', () => {
  const without = operations().filter(({ content }) =>
    Object.values(content).some(({ example }) => example === undefined),
  )
  expect(without.map(({ id }) => id)).toEqual([])
})

test('every operation succeeds with its own example', async () => {
  const all = operations()
  expect(all.length).toBeGreaterThan(50)
  for (const one of all) {
    const answer = await execute(one, await prerequisites(one))
    const text = await answer.text()
    expect([one.id, answer.status, answer.ok ? '' : text]).toEqual([one.id, 200, ''])
  }
})
