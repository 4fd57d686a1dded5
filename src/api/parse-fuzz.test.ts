import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { CreateAssistantRequest, ModifyAssistantRequest } from './assistants.ts'
import { ApiError } from './errors.ts'
import { CreateMessageRequest } from './messages.ts'
import { ChatCompletionsRequest, EmbeddingsRequest } from './models.ts'
import { parse } from './parse.ts'
import { CreateRunRequest, CreateThreadAndRunRequest, SubmitToolOutputsRequest } from './runs.ts'
import { CompleteUploadRequest, CreateUploadRequest } from './uploads.ts'
import {
  CreateVectorStoreFileBatchRequest,
  CreateVectorStoreRequest,
  ModifyVectorStoreFileRequest,
  VectorStoreSearchRequest,
} from './vector-stores.ts'

const message = {
  role: 'user',
  content: [
    { type: 'text', text: 'x' },
    { type: 'image_url', image_url: { url: 'https://x.y/z' } },
  ],
  attachments: [{ file_id: 'file-1', tools: [{ type: 'file_search' }] }],
  metadata: { a: 'b' },
}
const tools = [
  { type: 'function', function: { name: 'f', parameters: { type: 'object' }, strict: true } },
  { type: 'file_search', file_search: { max_num_results: 3, ranking_options: { score_threshold: 0.5 } } },
  { type: 'code_interpreter' },
]
const settings = {
  model: 'm',
  instructions: 'x',
  tools,
  metadata: {},
  temperature: 1,
  reasoning_effort: 'low',
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {} } },
}
const assistant = { ...settings, name: 'n', tool_resources: { file_search: { vector_store_ids: ['vs_1'] } } }
const run = {
  assistant_id: 'asst_1',
  ...settings,
  tool_choice: { type: 'function', function: { name: 'f' } },
  truncation_strategy: { type: 'last_messages', last_messages: 3 },
  max_prompt_tokens: 300,
}
const chunking_strategy = {
  type: 'static',
  static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 },
}
const attributes = { a: 1, b: true, c: 'd' }
const filters = { type: 'and', filters: [{ type: 'in', key: 'k', value: [1, 'x'] }] }

/** Every request with a body that is right. */
const requests: [string, z.ZodType, object][] = [
  ['create assistant', CreateAssistantRequest, assistant],
  ['modify assistant', ModifyAssistantRequest, assistant],
  ['create message', CreateMessageRequest, message],
  ['create run', CreateRunRequest, { ...run, additional_messages: [message] }],
  ['create thread and run', CreateThreadAndRunRequest, { ...run, thread: { messages: [message] } }],
  ['submit outputs', SubmitToolOutputsRequest, { tool_outputs: [{ tool_call_id: 'x', output: 'y' }] }],
  ['create upload', CreateUploadRequest, { filename: 'x', purpose: 'vision', bytes: 1, mime_type: 'x' }],
  ['complete upload', CompleteUploadRequest, { part_ids: ['part_1'], md5: 'x' }],
  ['create store', CreateVectorStoreRequest, { name: 'n', file_ids: ['file-1'], chunking_strategy }],
  ['create batch', CreateVectorStoreFileBatchRequest, { files: [{ file_id: 'file-1', attributes }] }],
  ['modify store file', ModifyVectorStoreFileRequest, { attributes }],
  ['search', VectorStoreSearchRequest, { query: ['x'], filters, ranking_options: { ranker: 'none' } }],
  ['embeddings', EmbeddingsRequest, { model: 'm', input: [[1, 2], [3]], dimensions: 3 }],
  ['chat', ChatCompletionsRequest, { model: 'm', messages: [{ role: 'user', content: 'x' }] }],
]

/** Every key and choice that the schemas know, so that random bodies get past the first check. */
const words = [
  ...new Set(
    JSON.stringify(requests.map(([, schema]) => z.toJSONSchema(schema, { io: 'input' }))).match(
      /[a-z_]{3,}/g,
    ),
  ),
  'asst_1',
  'file-1',
  'vs_1',
  '__proto__',
  'constructor',
]

const scalar = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words) },
  fc.constantFrom(null, true, false, 0, 1, 0.5, -1, 300, 1e30, Infinity, '', '\0', '\ud800', 'https://x.y/z'),
  fc.string(),
)

const body = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, fc.array(tie('value'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(fc.constantFrom(...words), tie('value'), { maxKeys: 6 }),
}))

/** A right body and what happens to it: up to three of its values are replaced, or bear a key too many. */
function nearly(right: object): fc.Arbitrary<unknown> {
  const changes = fc.array(fc.tuple(fc.nat(50), body.value, fc.constantFrom(...words)), { maxLength: 3 })
  return changes.map((made) => {
    const changed = structuredClone(right)
    for (const [place, value, key] of made) change(changed, { place, value, key })
    return changed
  })
}

/** Puts `value` in the `place`th spot of a walk through the body, or under `key` in the object that it meets there. */
function change(root: object, { place, value, key }: { place: number; value: unknown; key: string }): void {
  const spots: [object, string][] = []
  const visit = (container: object) => {
    for (const [name, inner] of Object.entries(container)) {
      spots.push([container, name])
      if (typeof inner === 'object' && inner !== null) visit(inner)
    }
    if (!Array.isArray(container)) spots.push([container, key])
  }
  visit(root)
  const [container, name] = spots[place % spots.length] ?? [root, key]
  Object.defineProperty(container, name, { value, enumerable: true, configurable: true, writable: true })
}

/** As the server reads it out of JSON, where a number may be beyond all numbers. */
function overTheWire(sent: unknown): unknown {
  const text = JSON.stringify(sent, (_, value: unknown) => (value === Infinity ? '@infinity' : value))
  return JSON.parse(text.replaceAll('"@infinity"', '1e999'))
}

function outcome(schema: z.ZodType, input: unknown): { refused?: ApiError; accepted?: unknown } {
  try {
    return { accepted: parse(schema, input) }
  } catch (error) {
    if (error instanceof ApiError) return { refused: error }
    throw error
  }
}

/** An error names the problem, and a second request gets the same error; quoted text of the client is ignored. */
function isRightRefusal(refused: ApiError, repeated: ApiError | undefined): boolean {
  const ownWords = refused.message.replaceAll(/'.*'/gs, '')
  return (
    refused.status === 400 &&
    !/undefined|NaN|\[object|\{\w+\}/.test(ownWords) &&
    isDeepStrictEqual(refused.toBody(), repeated?.toBody())
  )
}

/** What was accepted is stored and echoed: it must survive JSON and be acceptable again. */
function survives(schema: z.ZodType, accepted: unknown): boolean {
  return isDeepStrictEqual(outcome(schema, JSON.parse(JSON.stringify(accepted))).accepted, accepted)
}

test.each(requests)(
  '%s: whatever is sent is accepted for good or refused with a reason',
  (_, schema, right) => {
    expect(outcome(schema, right).refused).toBeUndefined()
    const input = fc.oneof(body.object, body.value, { weight: 6, arbitrary: nearly(right) })
    fc.assert(
      fc.property(input.map(overTheWire), (sent) => {
        const { refused, accepted } = outcome(schema, sent)
        return refused ? isRightRefusal(refused, outcome(schema, sent).refused) : survives(schema, accepted)
      }),
      { numRuns: 500 },
    )
  },
)
