/** What the server does not do yet. A row goes when the thing comes; with the last one this file does. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { stories } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.close())

const { newAssistant, newThread } = stories(() => server)

const tool = errors.notSupportedYet('tools[0].type', "The tool 'file_search'")
const tools = [{ type: 'file_search' }]
const named = { file_search: { vector_store_ids: ['vs_1'] } }
const made = { file_search: { vector_stores: [{ file_ids: ['file-1'] }] } }
const search = (path: string) =>
  errors.notSupportedYet(`${path}tool_resources.file_search.vector_store_ids`, 'Searching vector stores')
const making = (path: string) =>
  errors.notSupportedYet(`${path}tool_resources.file_search.vector_stores`, 'Making vector stores')

test.each([
  ['/assistants', { model: 'gpt-4o', tools }, tool],
  ['/assistants', { model: 'gpt-4o', tool_resources: named }, search('')],
  ['/assistants', { model: 'gpt-4o', tool_resources: made }, making('')],
  ['/assistants/A', { tools }, tool],
  ['/assistants/A', { tool_resources: named }, search('')],
  ['/threads', { tool_resources: named }, search('')],
  ['/threads', { tool_resources: made }, making('')],
  ['/threads/T', { tool_resources: named }, search('')],
  ['/threads/T/runs', { assistant_id: 'A', tools }, tool],
  ['/threads/runs', { assistant_id: 'A', tools }, tool],
  ['/threads/runs', { assistant_id: 'A', tool_resources: named }, search('')],
  ['/threads/runs', { assistant_id: 'A', thread: { tool_resources: named } }, search('thread.')],
  ['/threads/runs', { assistant_id: 'A', thread: { tool_resources: made } }, making('thread.')],
])('searching files is refused by the name of the field at %s, case %#', async (path, body, error) => {
  const assistant = await newAssistant()
  const thread = await newThread('Hi')
  const filled = path.replace('/A', `/${assistant.id}`).replace('/T', `/${thread.id}`)
  const answer = await server.request('POST', filled, {
    ...body,
    ...('assistant_id' in body && { assistant_id: assistant.id }),
  })
  expect({ status: answer.status, body: answer.body }).toEqual(wireError(error))
})
