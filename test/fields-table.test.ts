/** docs/fields.md names every field that a request may have, and for each a test that exists. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ChunkingStrategyRequest } from '../src/api/chunking.ts'
import { CreateFileRequest } from '../src/api/files.ts'
import { CompleteUploadRequest, CreateUploadRequest } from '../src/api/uploads.ts'
import {
  CreateVectorStoreFileBatchRequest,
  CreateVectorStoreFileRequest,
  CreateVectorStoreRequest,
  ModifyVectorStoreFileRequest,
  ModifyVectorStoreRequest,
  SearchFilter,
  VectorStoreSearchRequest,
} from '../src/api/vector-stores.ts'
import { CreateAssistantRequest, ModifyAssistantRequest } from '../src/api/assistants.ts'
import {
  ListAssistantsQuery,
  ListFilesQuery,
  ListMessagesQuery,
  ListQuery,
  ListRunsQuery,
  ListVectorStoreFilesQuery,
  ListVectorStoresQuery,
} from '../src/api/lists.ts'
import { CreateMessageRequest, ModifyMessageRequest } from '../src/api/messages.ts'
import { MetadataRequest } from '../src/api/metadata.ts'
import { ResponseFormatRequest } from '../src/api/response-format.ts'
import { IncludeQuery, ListRunStepsQuery } from '../src/api/run-steps.ts'
import {
  CreateRunRequest,
  CreateThreadAndRunRequest,
  ModifyRunRequest,
  SubmitToolOutputsRequest,
} from '../src/api/runs.ts'
import { CreateThreadRequest, ModifyThreadRequest } from '../src/api/threads.ts'
import { CreateToolResources, ModifyToolResources } from '../src/api/tool-resources.ts'
import { ToolChoice, ToolRequests, RunToolRequests } from '../src/api/tools.ts'

/** The sections of the document. Parts that several requests share have a separate section. */
const operations: Record<string, z.ZodType> = {
  'POST /assistants': CreateAssistantRequest,
  'POST /assistants/{assistant_id}': ModifyAssistantRequest,
  'POST /threads': CreateThreadRequest,
  'POST /threads/{thread_id}': ModifyThreadRequest,
  'POST /threads/{thread_id}/messages': CreateMessageRequest,
  'POST /threads/{thread_id}/messages/{message_id}': ModifyMessageRequest,
  'POST /threads/{thread_id}/runs': CreateRunRequest,
  'POST /threads/runs': CreateThreadAndRunRequest,
  'POST /threads/{thread_id}/runs/{run_id}': ModifyRunRequest,
  'POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs': SubmitToolOutputsRequest,
  'POST /vector_stores': CreateVectorStoreRequest,
  'POST /vector_stores/{vector_store_id}': ModifyVectorStoreRequest,
  'POST /vector_stores/{vector_store_id}/search': VectorStoreSearchRequest,
  'POST /vector_stores/{vector_store_id}/files': CreateVectorStoreFileRequest,
  'POST /vector_stores/{vector_store_id}/files/{file_id}': ModifyVectorStoreFileRequest,
  'POST /vector_stores/{vector_store_id}/file_batches': CreateVectorStoreFileBatchRequest,
  'POST /files': CreateFileRequest,
  'POST /uploads': CreateUploadRequest,
  'POST /uploads/{upload_id}/complete': CompleteUploadRequest,
  'GET /vector_stores': ListVectorStoresQuery,
  'GET /vector_stores/{vector_store_id}/files': ListVectorStoreFilesQuery,
  'GET /files': ListFilesQuery,
  'GET /assistants': ListAssistantsQuery,
  'GET /threads/{thread_id}/messages': ListMessagesQuery,
  'GET /threads/{thread_id}/runs': ListRunsQuery,
  'GET /threads/{thread_id}/runs/{run_id}/steps': ListRunStepsQuery,
  'GET /threads/{thread_id}/runs/{run_id}/steps/{step_id}': IncludeQuery,
}
const parts: Record<string, z.ZodType> = {
  tools: ToolRequests,
  'tool_resources when something is created': CreateToolResources,
  'tool_resources when something is changed': ModifyToolResources,
  response_format: ResponseFormatRequest,
  tool_choice: ToolChoice,
  chunking_strategy: ChunkingStrategyRequest,
  filters: SearchFilter,
}
const sections = { ...operations, ...parts }
const shared = new Set<unknown>([
  ...Object.values(parts),
  MetadataRequest,
  CreateMessageRequest,
  CreateThreadRequest,
  CreateVectorStoreFileRequest,
  RunToolRequests,
])

interface Row {
  section: string
  field: string
  meaning: string
  proofs: { file: string; title: string }[]
}

const document = readFileSync(new URL('../docs/fields.md', import.meta.url), 'utf8')
const rows = readRows(document)

function readRows(text: string): Row[] {
  const found: Row[] = []
  let section = ''
  for (const line of text.split('\n')) {
    const heading = /^## (.*)$/.exec(line)
    if (heading) section = (heading[1] ?? '').replaceAll('`', '')
    const [, field, meaning, proof] = /^\| `([^`]+)` \| (.+) \| ([^|]+) \|$/.exec(line) ?? []
    if (field === undefined || meaning === undefined || proof === undefined) continue
    const proofs = proof.split('<br>').map((one) => {
      const [, file, title] = /^`([^`]+)`: (.+)$/.exec(one.trim()) ?? []
      if (file === undefined || title === undefined) throw new Error(`no proof can be read in: ${line}`)
      return { file, title: title.trim() }
    })
    found.push({ section, field, meaning, proofs })
  }
  return found
}

/** Every field inside a schema, `[]` for the items of arrays; shared parts are named and not entered. */
function fieldsOf(schema: unknown, isRoot = true): string[] {
  if (shared.has(schema) && !isRoot) return []
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return fieldsOf(schema.def.innerType, isRoot)
  }
  if (schema instanceof z.ZodArray) return fieldsOf(schema.def.element, false).map((name) => `[].${name}`)
  if (schema instanceof z.ZodUnion) {
    return [...new Set(schema.def.options.flatMap((option) => fieldsOf(option, false)))]
  }
  if (!(schema instanceof z.ZodObject)) return []
  return Object.entries(schema.shape).flatMap(([key, field]) => [
    key,
    ...fieldsOf(field, false).map((name) => (name.startsWith('[') ? key + name : `${key}.${name}`)),
  ])
}

test.each(Object.keys(sections))('the table has every field of %s, and no other', (section) => {
  const named = rows.filter((row) => row.section === section).map((row) => row.field)
  expect(named.toSorted()).toEqual(fieldsOf(sections[section]).toSorted())
})

test('every proof is a test that exists', () => {
  const absent = rows
    .flatMap((row) => row.proofs)
    .filter(({ file, title }) => {
      const source = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
      const titles = [`'${title}'`, `"${title}"`, `\`${title}\``, `'${title.replaceAll("'", "\\'")}'`]
      return !titles.some((quoted) => source.includes(quoted))
    })
  expect(absent).toEqual([])
})

test('every section of the table is one of the requests', () => {
  expect([...new Set(rows.map((row) => row.section))].toSorted()).toEqual(Object.keys(sections).toSorted())
  expect(Object.keys(ListQuery.shape)).toEqual(['limit', 'order', 'after', 'before'])
})
