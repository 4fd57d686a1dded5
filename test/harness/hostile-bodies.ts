/** Requests near to valid ones, and far from them: what fast-check needs to make them. */
import fc from 'fast-check'

/** Ids that exist, so that some requests get past the first checks. */
export interface Known {
  assistant: string
  thread: string
  /** A run that waits for outputs, and its thread. */
  run: string
  run_thread: string
}

export interface HostileRequest {
  method: 'GET' | 'POST'
  path: string
  /** Undefined for GET. */
  body: string | undefined
}

const names =
  'model name description instructions tools tool_resources metadata temperature top_p reasoning_effort ' +
  'response_format messages role content attachments assistant_id thread additional_messages stream output ' +
  'additional_instructions max_prompt_tokens max_completion_tokens truncation_strategy tool_choice type url ' +
  'parallel_tool_calls tool_outputs tool_call_id function text image_url detail file_id file_ids strict schema ' +
  'code_interpreter file_search vector_store_ids vector_stores json_schema parameters last_messages ' +
  '__proto__ constructor toString'

/** Any method that changes what the ids name is left out: the same objects serve to the end. */
export function hostileRequests(known: Known): fc.Arbitrary<HostileRequest> {
  const body = fc.oneof(...bodies(known)).map((value) => JSON.stringify(value))
  return fc.oneof(
    fc.record({ method: fc.constant('POST' as const), path: paths(known), body }),
    fc.record({
      method: fc.constant('GET' as const),
      path: fc.tuple(paths(known), queries()).map(([path, query]) => path + query),
      body: fc.constant(undefined),
    }),
  )
}

const words =
  'gpt-4o user assistant auto none required function text file_search f code_interpreter json_object json_schema ' +
  'last_messages https://x.y/z.png file-a data:image/png;base64,AAAA get_time vs_1 __proto__'
const oddities: unknown[] = ['', 'a\u0000b', '\ud800', null, true, false, 0, 1, 256, -1, 0.5, 1e308, [], {}]

const leaf = fc.oneof(
  fc.constantFrom(...words.split(' '), ...oddities),
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.double(),
)

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...names.split(' ')), tie('tree'), { maxKeys: 5 }),
  ),
}))

/** Any of the keys, each with something that it may or may not hold. */
const some = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] })
const several = (one: fc.Arbitrary<unknown>) => fc.oneof(tree, fc.array(one, { maxLength: 3 }))

function bodies({ assistant }: Known): fc.Arbitrary<unknown>[] {
  const tool = some({
    type: fc.constantFrom('function', 'file_search', 'code_interpreter', 'retrieval'),
    function: some({
      name: fc.constantFrom<unknown>('f', 'g', 'a b', 7),
      description: leaf,
      parameters: fc.oneof(tree, fc.constant({ type: 'object', properties: {} })),
      strict: leaf,
    }),
    file_search: tree,
  })
  const part = some({
    type: fc.constantFrom('text', 'image_url', 'image_file', 'video'),
    text: leaf,
    image_url: tree,
    image_file: tree,
  })
  const message = some({
    role: fc.constantFrom('user', 'assistant', 'system'),
    content: fc.oneof(fc.string(), several(part)),
    attachments: several(some({ file_id: leaf, tools: several(tool) })),
    metadata: tree,
  })
  const settings = {
    model: leaf,
    instructions: leaf,
    tools: several(tool),
    metadata: fc.oneof(tree, fc.dictionary(fc.string(), fc.string())),
    temperature: leaf,
    top_p: leaf,
    reasoning_effort: leaf,
    response_format: tree,
    tool_resources: tree,
  }
  const thread = some({ messages: several(message), metadata: tree, tool_resources: tree })
  return [
    tree,
    message,
    thread,
    some({ ...settings, name: leaf, description: leaf }),
    some({
      ...settings,
      assistant_id: fc.oneof({ weight: 8, arbitrary: fc.constant(assistant) }, leaf),
      max_prompt_tokens: leaf,
      max_completion_tokens: leaf,
      truncation_strategy: tree,
      tool_choice: tree,
      parallel_tool_calls: leaf,
      stream: leaf,
      additional_instructions: leaf,
      additional_messages: several(message),
      thread,
    }),
    some({ tool_outputs: several(some({ tool_call_id: leaf, output: leaf })), stream: leaf }),
  ]
}

function paths({ assistant, thread, run, run_thread }: Known): fc.Arbitrary<string> {
  const waiting = `/threads/${run_thread}/runs/${run}`
  const fixed =
    `/assistants /threads /threads/runs /assistants/${assistant} /threads/${thread} /threads/${thread}/messages ` +
    `/threads/${thread}/runs ${waiting} ${waiting}/steps ${waiting}/submit_tool_outputs ` +
    '/chat/completions /embeddings /models'
  const id = fc.oneof(
    fc.constantFrom(assistant, thread, run, 'asst_x', 'thread_x', 'run_x', 'undefined'),
    // Well-formed text only: the rest cannot be written into a URL.
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => encodeURIComponent(text)),
  )
  return fc.oneof(
    fc.constantFrom(...fixed.split(' ')),
    fc
      .tuple(
        fc.constantFrom('assistants', 'threads', 'models'),
        id,
        fc.constantFrom('', '/messages', '/runs'),
      )
      .map(([kind, name, rest]) => `/${kind}/${name}${rest}`),
    fc.tuple(id, id, id).map((ids) => `/threads/${ids[0]}/runs/${ids[1]}/steps/${ids[2]}`),
  )
}

function queries(): fc.Arbitrary<string> {
  const key = fc.constantFrom('limit', 'order', 'after', 'before', 'run_id', 'include', 'include[]', 'foo')
  const value = fc.oneof(
    fc.constantFrom('1', '20', 'asc', 'msg_x', 'run_1', 'asst_1', '', 'null'),
    fc.string({ unit: 'grapheme' }),
  )
  return fc.dictionary(key, value).map((query) => `?${new URLSearchParams(query).toString()}`)
}
