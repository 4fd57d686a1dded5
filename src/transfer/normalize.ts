/** Adds fields that old exports and other services do not have, so that the schemas of the API accept an object. */
import { expandChunkingStrategy } from '../api/chunking.ts'
import { isObject } from '../util/is-object.ts'
import type { Fields, Kind } from './records.ts'

type Drop = (field: string) => void

/**
 * Returns the object with all fields that its schema needs and that cannot be null. Keeps unknown fields. Calls `drop`
 * for each part that it leaves out.
 */
export function normalize(kind: Kind, object: Fields, drop: Drop): Fields {
  return normalizers[kind](object, drop)
}

const normalizers: Record<Kind, (object: Fields, drop: Drop) => Fields> = {
  assistant: (object, drop) => ({
    ...object,
    object: 'assistant',
    tools: toolsOf(object['tools'], drop),
    tool_resources: resourcesOf(object['tool_resources']),
    metadata: metadataOf(object['metadata']),
    response_format: formatOf(object['response_format']),
  }),
  file: (object) => ({
    ...object,
    object: 'file',
    status: 'processed',
    status_details: null,
  }),
  vector_store: ({ files: _, ...object }) => ({
    usage_bytes: 0,
    status: 'completed',
    ...object,
    last_active_at: object['last_active_at'] ?? object['created_at'],
    file_counts: { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 },
    metadata: metadataOf(object['metadata']),
  }),
  vector_store_file: (object) => ({
    usage_bytes: 0,
    status: 'completed',
    ...object,
    attributes: object['attributes'] ?? {},
    chunking_strategy: object['chunking_strategy'] ?? expandChunkingStrategy(),
  }),
  thread: (object) => ({
    ...object,
    object: 'thread',
    metadata: metadataOf(object['metadata']),
    tool_resources: resourcesOf(object['tool_resources']),
  }),
  run: normalizeRun,
  message: normalizeMessage,
  step: (object) => ({
    ...withoutNull(object, 'expired_at'),
    usage: usageOf(object['usage']),
    step_details: stepDetailsOf(object['step_details']),
  }),
}

function normalizeRun({ steps: _, ...object }: Fields, drop: Drop): Fields {
  return {
    parallel_tool_calls: true,
    ...object,
    tools: toolsOf(object['tools'], drop),
    tool_resources: resourcesOf(object['tool_resources']),
    metadata: metadataOf(object['metadata']),
    usage: usageOf(object['usage']),
    response_format: formatOf(object['response_format']),
    tool_choice: object['tool_choice'] ?? 'auto',
    truncation_strategy: isObject(object['truncation_strategy'])
      ? { last_messages: null, ...object['truncation_strategy'] }
      : { type: 'auto', last_messages: null },
  }
}

function normalizeMessage(object: Fields): Fields {
  const { content } = object
  const parts = Array.isArray(content) ? content : content === undefined || content === null ? [] : [content]
  return {
    ...object,
    object: 'thread.message',
    status: object['status'] ?? 'completed',
    content: parts.map(partOf),
    attachments: attachmentsOf(object),
    metadata: metadataOf(object['metadata']),
  }
}

function partOf(part: unknown): unknown {
  if (typeof part === 'string') return { type: 'text', text: { value: part, annotations: [] } }
  if (!isObject(part)) return part
  if (part['type'] === 'text') {
    const { text } = part
    if (typeof text === 'string') return partOf(text)
    return isObject(text) ? { ...part, text: { ...text, annotations: text['annotations'] ?? [] } } : part
  }
  if (part['type'] === 'image_url' && isObject(part['image_url'])) {
    return { ...part, image_url: { ...part['image_url'], detail: part['image_url']['detail'] ?? 'auto' } }
  }
  if (part['type'] === 'image_file' && isObject(part['image_file'])) {
    return { ...part, image_file: withoutNull(part['image_file'], 'detail') }
  }
  return part
}

/** The first version of the API had `file_ids`. */
function attachmentsOf({ attachments, file_ids }: Fields): unknown {
  if (Array.isArray(attachments)) {
    return attachments.map((one: unknown) => (isObject(one) ? { ...one, tools: one['tools'] ?? [] } : one))
  }
  if (!Array.isArray(file_ids)) return []
  return file_ids.map((file_id: unknown) => ({ file_id, tools: [{ type: 'file_search' }] }))
}

function toolsOf(tools: unknown, drop: Drop): unknown[] {
  if (!Array.isArray(tools)) return []
  return tools.flatMap((tool: unknown) => {
    if (!isObject(tool)) return []
    const { type } = tool
    if (type === 'code_interpreter') return [{ type }]
    // `retrieval` is what the first version of the API called it.
    if (type === 'file_search' || type === 'retrieval') return [searchTool(tool['file_search'])]
    if (type === 'function' && isObject(tool['function'])) return [functionTool(tool['function'])]
    drop(`tool of type ${String(type)}`)
    return []
  })
}

function searchTool(settings: unknown): Fields {
  const { max_num_results, ranking_options } = isObject(settings) ? settings : {}
  return {
    type: 'file_search',
    file_search: {
      ...(typeof max_num_results === 'number' && { max_num_results }),
      ranking_options: rankingOf(ranking_options),
    },
  }
}

function rankingOf(options: unknown): Fields {
  const score = isObject(options) ? options['score_threshold'] : 0
  return { ranker: 'default_2024_08_21', score_threshold: typeof score === 'number' ? score : 0 }
}

function functionTool({ name, description, parameters, strict }: Fields): Fields {
  return {
    type: 'function',
    function: {
      name,
      ...(typeof description === 'string' && { description }),
      parameters: isObject(parameters) ? parameters : { type: 'object', properties: {} },
      strict: strict ?? false,
    },
  }
}

function resourcesOf(resources: unknown): Fields {
  if (!isObject(resources)) return {}
  const { code_interpreter, file_search } = resources
  return {
    ...(isObject(code_interpreter) && { code_interpreter: { file_ids: code_interpreter['file_ids'] ?? [] } }),
    ...(isObject(file_search) && {
      file_search: { vector_store_ids: file_search['vector_store_ids'] ?? [] },
    }),
  }
}

function metadataOf(metadata: unknown): Record<string, string> {
  if (!isObject(metadata)) return {}
  const pairs = Object.entries(metadata).filter(([, value]) => value !== null && value !== undefined)
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  return Object.fromEntries(pairs.map(([key, value]) => [key, text(value)]))
}

function formatOf(format: unknown): unknown {
  if (!isObject(format)) return 'auto'
  if (format['type'] !== 'json_schema' || !isObject(format['json_schema'])) return { type: format['type'] }
  const { name, description, schema, strict } = format['json_schema']
  return {
    type: 'json_schema',
    json_schema: { name, description: description ?? null, schema: schema ?? {}, strict: strict ?? false },
  }
}

function usageOf(usage: unknown): Fields | null {
  if (!isObject(usage)) return null
  const { prompt_tokens, completion_tokens, total_tokens, prompt_token_details, completion_tokens_details } =
    usage
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens,
    prompt_token_details: { cached_tokens: 0, ...(isObject(prompt_token_details) && prompt_token_details) },
    completion_tokens_details: {
      reasoning_tokens: 0,
      ...(isObject(completion_tokens_details) && completion_tokens_details),
    },
  }
}

function stepDetailsOf(details: unknown): unknown {
  if (!isObject(details) || !Array.isArray(details['tool_calls'])) return details
  return { ...details, tool_calls: details['tool_calls'].map(callOf) }
}

function callOf(call: unknown): unknown {
  if (!isObject(call)) return call
  if (call['type'] === 'function' && isObject(call['function'])) {
    return { ...call, function: { output: null, ...call['function'] } }
  }
  if (call['type'] !== 'file_search' && call['type'] !== 'retrieval') return call
  const { ranking_options, results } = isObject(call['file_search']) ? call['file_search'] : {}
  const found = Array.isArray(results) ? results.filter(isObject) : []
  return {
    id: call['id'],
    type: 'file_search',
    file_search: {
      ranking_options: rankingOf(ranking_options),
      results: found.map((result) => ({
        ...withoutNull(result, 'content'),
        attributes: result['attributes'] ?? {},
      })),
    },
  }
}

function withoutNull(object: Fields, key: string): Fields {
  if (object[key] !== null) return object
  const { [key]: _, ...rest } = object
  return rest
}
