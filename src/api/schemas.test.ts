import { expect, test } from 'vitest'
import { z } from 'zod'
import * as assistants from './assistants.ts'
import * as chunking from './chunking.ts'
import * as events from './events.ts'
import * as files from './files.ts'
import * as lists from './lists.ts'
import * as messages from './messages.ts'
import * as metadata from './metadata.ts'
import * as models from './models.ts'
import * as responseFormat from './response-format.ts'
import * as runSteps from './run-steps.ts'
import * as runs from './runs.ts'
import * as threads from './threads.ts'
import * as toolResources from './tool-resources.ts'
import * as tools from './tools.ts'
import * as uploads from './uploads.ts'
import * as vectorStores from './vector-stores.ts'

const modules = {
  assistants,
  chunking,
  events,
  files,
  lists,
  messages,
  metadata,
  models,
  responseFormat,
  runSteps,
  runs,
  threads,
  toolResources,
  tools,
  uploads,
  vectorStores,
}

const schemas = Object.entries(modules).flatMap(([room, module]) =>
  Object.entries(module).flatMap(([name, value]): [string, z.ZodType][] =>
    value instanceof z.ZodType ? [[`${room}.${name}`, value]] : [],
  ),
)

test.each(schemas)('%s can be published as JSON Schema', (_, schema) => {
  expect(z.toJSONSchema(schema, { io: 'input' })).toBeTypeOf('object')
  expect(z.toJSONSchema(schema, { io: 'output' })).toBeTypeOf('object')
})

test('published limits are the limits that are enforced', () => {
  const published = z.toJSONSchema(assistants.CreateAssistantRequest, { io: 'input' })
  expect(published).toMatchObject({
    required: ['model'],
    additionalProperties: false,
    properties: {
      name: { anyOf: [{ type: 'string', maxLength: 256 }, { type: 'null' }] },
      temperature: { anyOf: [{ type: 'number', minimum: 0, maximum: 2 }, { type: 'null' }] },
      tools: { anyOf: [{ type: 'array', maxItems: 128 }, { type: 'null' }] },
      metadata: {
        anyOf: [
          {
            type: 'object',
            maxProperties: 16,
            propertyNames: { maxLength: 64 },
            additionalProperties: { type: 'string', maxLength: 512 },
          },
          { type: 'null' },
        ],
      },
    },
  })
})

const usage =
  '{"prompt_tokens":627,"completion_tokens":34,"total_tokens":661,"prompt_token_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}'
const runHead =
  '"id":"run_x","object":"thread.run","created_at":1761861679,"assistant_id":"asst_x","thread_id":"thread_x"'
const runTail =
  '"model":"gpt-4o","instructions":null,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{}},"strict":false}}],"tool_resources":{},"metadata":{},"temperature":1.0,"top_p":1.0,"reasoning_effort":null,"max_completion_tokens":null,"max_prompt_tokens":null,"truncation_strategy":{"type":"auto","last_messages":null},"incomplete_details":null'
const runEnd = '"response_format":"auto","tool_choice":"auto","parallel_tool_calls":true'
const stepHead =
  '"id":"step_x","object":"thread.run.step","created_at":1,"run_id":"run_x","assistant_id":"asst_x","thread_id":"thread_x"'
const stepTimes =
  '"cancelled_at":null,"completed_at":null,"expires_at":1761862131,"failed_at":null,"last_error":null'
const fileObject =
  '{"object":"file","id":"file-x","purpose":"assistants","filename":"test.txt","bytes":21,"created_at":1758064035,"expires_at":null,"status":"processed","status_details":null}'

/** Objects as the live service printed them, ids shortened. */
const recorded: [string, z.ZodType, string][] = [
  [
    'an assistant',
    assistants.Assistant,
    '{"id":"asst_abc","object":"assistant","created_at":1761861531,"name":null,"description":null,"model":"gpt-4o","instructions":null,"tools":[],"top_p":1.0,"temperature":1.0,"reasoning_effort":null,"tool_resources":{},"metadata":{},"response_format":"auto"}',
  ],
  [
    'a thread',
    threads.Thread,
    '{"id":"thread_x","object":"thread","created_at":1761861531,"metadata":{"k":"v"},"tool_resources":{"code_interpreter":{"file_ids":[]}}}',
  ],
  [
    'a message with an image, a link and an attachment',
    messages.Message,
    '{"id":"msg_x","object":"thread.message","created_at":1,"assistant_id":"asst_x","thread_id":"thread_x","run_id":"run_x","status":"completed","incomplete_details":null,"incomplete_at":null,"completed_at":2,"role":"assistant","content":[{"type":"image_file","image_file":{"file_id":"file-img"}},{"type":"text","text":{"value":"[Download](sandbox:/mnt/data/p.png)","annotations":[{"type":"file_path","text":"sandbox:/mnt/data/p.png","start_index":11,"end_index":34,"file_path":{"file_id":"file-out"}}]}}],"attachments":[{"file_id":"file-out","tools":[{"type":"code_interpreter"}]}],"metadata":{}}',
  ],
  [
    'a message with a citation that was cut off',
    messages.Message,
    '{"id":"msg_x","object":"thread.message","created_at":1,"assistant_id":"asst_x","thread_id":"thread_x","run_id":"run_x","status":"incomplete","incomplete_details":{"reason":"max_tokens"},"incomplete_at":2,"completed_at":null,"role":"assistant","content":[{"type":"text","text":{"value":"cake【4:0†a.txt】","annotations":[{"type":"file_citation","text":"【4:0†a.txt】","start_index":4,"end_index":15,"file_citation":{"file_id":"file-x"}}]}}],"attachments":[],"metadata":{}}',
  ],
  [
    'a run that waits for its tools',
    runs.Run,
    `{${runHead},"status":"requires_action","started_at":1761861680,"expires_at":1761862279,"cancelled_at":null,"failed_at":null,"completed_at":null,"required_action":{"type":"submit_tool_outputs","submit_tool_outputs":{"tool_calls":[{"id":"call_x","type":"function","function":{"name":"f","arguments":"{\\"day\\":\\"Thursday\\"}"}}]}},"last_error":null,${runTail},"usage":null,${runEnd}}`,
  ],
  [
    'a run that is over',
    runs.Run,
    `{${runHead},"status":"completed","started_at":1761861695,"expires_at":null,"cancelled_at":null,"failed_at":null,"completed_at":1761861696,"required_action":null,"last_error":null,${runTail},"usage":${usage},${runEnd}}`,
  ],
  [
    'a step that makes a message',
    runSteps.RunStep,
    `{${stepHead},"type":"message_creation","status":"in_progress",${stepTimes},"step_details":{"type":"message_creation","message_creation":{"message_id":"msg_x"}},"usage":null}`,
  ],
  [
    'a step that searched',
    runSteps.RunStep,
    `{${stepHead},"type":"tool_calls","status":"completed",${stepTimes},"step_details":{"type":"tool_calls","tool_calls":[{"id":"call_x","type":"file_search","file_search":{"ranking_options":{"ranker":"default_2024_08_21","score_threshold":0.0},"results":[{"file_id":"file-x","file_name":"a.txt","score":0.72,"attributes":{},"content":[{"type":"text","text":"..."}]}]}}]},"usage":${usage}}`,
  ],
  [
    'a step with code and a function',
    runSteps.RunStep,
    `{${stepHead},"type":"tool_calls","status":"in_progress",${stepTimes},"step_details":{"type":"tool_calls","tool_calls":[{"id":"call_x","type":"code_interpreter","code_interpreter":{"input":"1","outputs":[{"type":"logs","logs":"1"},{"type":"image","image":{"file_id":"file-x"}}]}},{"id":"call_y","type":"function","function":{"name":"f","arguments":"{}","output":null}}]},"usage":null}`,
  ],
  ['a file', files.FileObject, fileObject],
  ['a file that is gone', files.FileDeleted, '{"object":"file","deleted":true,"id":"file-x"}'],
  [
    'an upload that is complete',
    uploads.Upload,
    `{"id":"upload_x","object":"upload","bytes":8,"created_at":1758145149,"filename":"x.jsonl","purpose":"fine-tune","status":"completed","expires_at":1758148749,"file":${fileObject}}`,
  ],
  [
    'an upload that waits',
    uploads.Upload,
    '{"id":"upload_x","object":"upload","bytes":8,"created_at":1758145149,"filename":"x.jsonl","purpose":"fine-tune","status":"pending","expires_at":1758148749}',
  ],
  [
    'a vector store',
    vectorStores.VectorStore,
    '{"id":"vs_x","object":"vector_store","created_at":1758064040,"name":null,"description":null,"usage_bytes":0,"file_counts":{"in_progress":5,"completed":0,"failed":0,"cancelled":0,"total":5},"status":"in_progress","expires_after":{"anchor":"last_active_at","days":3},"expires_at":1758323274,"last_active_at":1758064074,"metadata":{}}',
  ],
  [
    'a file in a vector store',
    vectorStores.VectorStoreFile,
    '{"id":"file-x","object":"vector_store.file","usage_bytes":0,"created_at":1,"vector_store_id":"vs_x","status":"in_progress","last_error":null,"chunking_strategy":{"type":"static","static":{"max_chunk_size_tokens":800,"chunk_overlap_tokens":400}},"attributes":{"year":2020,"us":true,"k":"v"}}',
  ],
  [
    'a batch',
    vectorStores.VectorStoreFileBatch,
    '{"id":"vsfb_ibj_x","object":"vector_store.file_batch","created_at":1761867105,"status":"in_progress","vector_store_id":"vs_x","file_counts":{"in_progress":3,"completed":0,"failed":0,"cancelled":0,"total":3}}',
  ],
  [
    'a page of search results',
    vectorStores.VectorStoreSearchPage,
    '{"object":"vector_store.search_results.page","search_query":["q"],"data":[{"file_id":"file-x","filename":"a.txt","score":0.87,"attributes":{"k":"v"},"content":[{"type":"text","text":"chunk"}]}],"has_more":false,"next_page":null}',
  ],
  ['a model', models.Model, '{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"system"}'],
  [
    'an embedding',
    models.EmbeddingList,
    '{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}',
  ],
  [
    'a list without members',
    lists.listSchema(threads.Thread),
    '{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}',
  ],
]

test.each(recorded)('%s has a schema with the keys of the live service, in order', (_, schema, printed) => {
  const value: unknown = JSON.parse(printed)
  // Parsing rebuilds every object in the order of its schema.
  expect(JSON.stringify(schema.parse(value))).toBe(JSON.stringify(value))
})

const delta = (object: string, id: string, inner: string) =>
  `{"id":"${id}","object":"${object}","delta":${inner}}`
const messageDelta = (part: string) => delta('thread.message.delta', 'msg_x', `{"content":[${part}]}`)
const stepDelta = (call: string) =>
  delta('thread.run.step.delta', 'step_x', `{"step_details":{"type":"tool_calls","tool_calls":[${call}]}}`)

test.each([
  [
    'thread.message.delta',
    messageDelta('{"index":0,"type":"text","text":{"value":"Hello","annotations":[]}}'),
  ],
  ['thread.message.delta', messageDelta('{"index":0,"type":"text","text":{"value":"!"}}')],
  [
    'thread.message.delta',
    messageDelta('{"index":0,"type":"image_file","image_file":{"file_id":"file-img"}}'),
  ],
  ['thread.message.delta', messageDelta('{"index":0,"type":"refusal","refusal":"I\'m"}')],
  [
    'thread.message.delta',
    messageDelta(
      '{"index":0,"type":"text","text":{"value":"【4:0†a.txt】","annotations":[{"index":0,"type":"file_citation","text":"【4:0†a.txt】","start_index":29,"end_index":40,"file_citation":{"file_id":"file-x","quote":""}}]}}',
    ),
  ],
  [
    'thread.run.step.delta',
    stepDelta(
      '{"index":0,"id":"call_x","type":"function","function":{"name":"f","arguments":"","output":null}}',
    ),
  ],
  ['thread.run.step.delta', stepDelta('{"index":0,"type":"function","function":{"arguments":"{\\""}}')],
  [
    'thread.run.step.delta',
    stepDelta(
      '{"index":0,"id":"call_x","type":"code_interpreter","code_interpreter":{"input":"","outputs":[]}}',
    ),
  ],
  [
    'thread.run.step.delta',
    stepDelta(
      '{"index":0,"type":"code_interpreter","code_interpreter":{"outputs":[{"index":1,"type":"image","image":{"file_id":"file-img"}}]}}',
    ),
  ],
  [
    'thread.run.step.delta',
    stepDelta(
      '{"index":0,"id":"call_x","type":"file_search","file_search":{"ranking_options":{"ranker":"default_2024_08_21","score_threshold":0.0},"results":[]}}',
    ),
  ],
])('a piece of a stream is described as it was recorded (%#)', (event, printed) => {
  const data: unknown = JSON.parse(printed)
  const parsed = events.RunEvent.parse({ event, data })
  expect(JSON.stringify(parsed.data)).toBe(JSON.stringify(data))
})

test('the data of an event is the object of its name', () => {
  const thread = { id: 'thread_x', object: 'thread', created_at: 1, metadata: {}, tool_resources: {} }
  expect(events.RunEvent.safeParse({ event: 'thread.created', data: thread }).success).toBe(true)
  expect(events.RunEvent.safeParse({ event: 'thread.run.created', data: thread }).success).toBe(false)
  expect(events.RunEvent.safeParse({ event: 'thread.paused', data: thread }).success).toBe(false)
})

test('a stream ends at the end of the run or where the client must act', () => {
  const ends = events.RunEvent.options
    .map((option) => option.shape.event.value)
    .filter((name) => events.streamEndingEvents.has(name))
  expect(ends).toEqual([
    'thread.run.requires_action',
    'thread.run.completed',
    'thread.run.incomplete',
    'thread.run.failed',
    'thread.run.cancelled',
    'thread.run.expired',
  ])
  expect(events.terminalRunEvents.has('thread.run.requires_action')).toBe(false)
  expect(events.terminalRunEvents.size).toBe(5)
})

test('lists contain their first and last id, with another key order for files', () => {
  const data = [{ id: 'a' }, { id: 'b' }]
  expect(JSON.stringify(lists.listOf(data, true))).toBe(
    '{"object":"list","data":[{"id":"a"},{"id":"b"}],"first_id":"a","last_id":"b","has_more":true}',
  )
  expect(JSON.stringify(lists.fileListOf(data, false))).toBe(
    '{"object":"list","data":[{"id":"a"},{"id":"b"}],"has_more":false,"first_id":"a","last_id":"b"}',
  )
  expect(lists.listOf([], false)).toMatchObject({ first_id: null, last_id: null })
})

test('an error of a step has one of the two codes of steps', () => {
  expect(runSteps.stepErrorOf({ code: 'invalid_prompt', message: 'too long' })).toEqual({
    code: 'server_error',
    message: 'too long',
  })
  expect(runSteps.stepErrorOf({ code: 'rate_limit_exceeded', message: 'm' }).code).toBe('rate_limit_exceeded')
})
