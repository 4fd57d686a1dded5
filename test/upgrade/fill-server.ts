/**
 * Fills a running server with every kind of object, through the API alone, for a fixture of the data of a release:
 *   npx tsx test/upgrade/fill-server.ts http://127.0.0.1:8080/v1
 * The server needs the demo model, a sandbox, and SPOOL_RUN_EXPIRES_SECONDS=2000000000.
 * With the argument `expired` it makes an expired run only; that server needs SPOOL_RUN_EXPIRES_SECONDS=2.
 */
import { setTimeout as wait } from 'node:timers/promises'

const [, , base = '', only] = process.argv

interface Created {
  id: string
  status: string
  [field: string]: unknown
}

async function call(method: string, path: string, body?: object | FormData): Promise<Created> {
  const isForm = body instanceof FormData
  const response = await fetch(base + path, {
    method,
    headers: {
      authorization: 'Bearer any-key',
      'openai-beta': 'assistants=v2',
      ...(body && !isForm && { 'content-type': 'application/json' }),
    },
    ...(body && { body: isForm ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text) as Created
}

const post = (path: string, body: object = {}) => call('POST', path, body)

function upload(name: string, content: string | Uint8Array<ArrayBuffer>, purpose: string): Promise<Created> {
  const form = new FormData()
  form.append('purpose', purpose)
  form.append('file', new File([content], name))
  return call('POST', '/files', form)
}

async function until(path: string, statuses: string[]): Promise<Created> {
  for (;;) {
    const found = await call('GET', path)
    if (statuses.includes(found.status)) return found
    await wait(100)
  }
}

async function run(text: string, more: object, wanted: string): Promise<Created> {
  const { id: thread } = await post('/threads', {
    messages: [{ role: 'user', content: text }],
    metadata: { wanted },
  })
  const created = await post(`/threads/${thread}/runs`, { ...more })
  const path = `/threads/${thread}/runs/${created.id}`
  if (wanted === 'cancelled') {
    await until(path, ['in_progress'])
    await post(`${path}/cancel`)
  }
  return until(path, [wanted])
}

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const weather = { type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }

async function makeFilesAndStores() {
  const lake = await upload(
    'lake.txt',
    'The heron waits in shallow water. Ünïcode – 😀.\n'.repeat(200),
    'assistants',
  )
  const table = await upload('table.csv', 'bird,count\nheron,3\nswan,7\n', 'assistants')
  const image = await upload('pixel.png', new Uint8Array(pixel), 'vision')
  const house = await upload('house.md', '# Lighthouse\n\nThe lamp is lit at dusk.\n', 'user_data')
  const broken = await upload('broken.pdf', 'this is no PDF', 'assistants')
  const store = await post('/vector_stores', {
    name: 'birds',
    file_ids: [lake.id],
    metadata: { place: 'lake' },
  })
  await post(`/vector_stores/${store.id}/files`, {
    file_id: table.id,
    attributes: { year: 2026, checked: true, kind: 'table' },
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 50 } },
  })
  const batch = await post(`/vector_stores/${store.id}/file_batches`, { file_ids: [house.id, broken.id] })
  await until(`/vector_stores/${store.id}/file_batches/${batch.id}`, ['completed', 'failed'])
  await until(`/vector_stores/${store.id}/files/${lake.id}`, ['completed'])
  await until(`/vector_stores/${store.id}/files/${table.id}`, ['completed'])
  await post('/vector_stores', { name: 'empty' })
  await upload('unused.txt', 'nobody refers to this', 'assistants')
  return { lake, table, image, store, batch }
}

/** Returns the id of the upload that is left pending. */
async function makeUploads(): Promise<string> {
  const part = async (upload: string, text: string) => {
    const form = new FormData()
    form.append('data', new Blob([text]))
    return call('POST', `/uploads/${upload}/parts`, form)
  }
  const open = (filename: string, bytes: number) =>
    post('/uploads', { filename, bytes, purpose: 'assistants', mime_type: 'text/plain' })
  const done = await open('whole.txt', 10)
  const parts = [await part(done.id, 'first'), await part(done.id, 'other')]
  await post(`/uploads/${done.id}/complete`, { part_ids: parts.map(({ id }) => id) })
  const pending = await open('pending.txt', 5)
  await part(pending.id, 'later')
  const { id } = await open('cancelled.txt', 5)
  await post(`/uploads/${id}/cancel`)
  return pending.id
}

/** A run whose calls are not answered in time. */
async function makeExpired(): Promise<void> {
  const { id } = await post('/assistants', { model: 'gpt-4o', name: 'Waiting', tools: [weather] })
  await run('call get_weather {"city":"Oslo"}', { assistant_id: id }, 'expired')
}

async function makeRest(): Promise<void> {
  const { lake, table, image, store, batch } = await makeFilesAndStores()
  const upload_id = await makeUploads()
  const plain = await post('/assistants', {
    model: 'gpt-4o',
    name: 'Plain',
    instructions: 'Be brief.',
    temperature: 0.3,
    metadata: { a: '1' },
  })
  const tools = await post('/assistants', {
    model: 'gpt-4o',
    name: 'With tools',
    tools: [{ type: 'file_search' }, { type: 'code_interpreter' }, weather],
    tool_resources: {
      file_search: { vector_store_ids: [store.id] },
      code_interpreter: { file_ids: [table.id] },
    },
    response_format: { type: 'text' },
  })
  const withTools = { assistant_id: tools.id }
  await run('What does the heron do?', withTools, 'completed')
  await run('search shallow water\nsay It waits.', withTools, 'completed')
  await run(
    "python open('/mnt/data/out.txt', 'w').write('made here'); print(6 * 7)\nsay See sandbox:/mnt/data/out.txt.",
    withTools,
    'completed',
  )
  await run('Hello', { assistant_id: plain.id }, 'completed')
  await run(
    `say ${'word '.repeat(300)}`,
    { assistant_id: plain.id, max_completion_tokens: 256 },
    'incomplete',
  )
  await run('say before\nfail server_error', { assistant_id: plain.id }, 'failed')
  await run('fail rate_limit_exceeded', { assistant_id: plain.id }, 'failed')
  await run('slow 2000\nsay one two three four five six', { assistant_id: plain.id }, 'cancelled')
  const open = await run(
    'call get_weather {"city":"Rome"}\ncall get_weather {"city":"Oslo"}\nsay Warm.',
    withTools,
    'requires_action',
  )
  const submitted = await run('call get_weather {"city":"Bern"}\nsay Mild.', withTools, 'requires_action')
  const path = `/threads/${String(submitted.thread_id)}/runs/${submitted.id}`
  const action = submitted.required_action as { submit_tool_outputs: { tool_calls: { id: string }[] } }
  await post(`${path}/submit_tool_outputs`, {
    tool_outputs: action.submit_tool_outputs.tool_calls.map(({ id }) => ({ tool_call_id: id, output: '20' })),
  })
  await until(path, ['completed'])
  const waiting = await run('call get_weather {"city":"Bonn"}', withTools, 'requires_action')
  await post(`/threads/${String(waiting.thread_id)}/runs/${waiting.id}/cancel`)
  await until(`/threads/${String(waiting.thread_id)}/runs/${waiting.id}`, ['cancelled'])
  await post('/threads', {
    metadata: { kind: 'messages' },
    tool_resources: { code_interpreter: { file_ids: [table.id] } },
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look „here“ \u0007' },
          { type: 'image_file', image_file: { file_id: image.id, detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
        ],
        attachments: [{ file_id: lake.id, tools: [{ type: 'code_interpreter' }] }],
        metadata: { turn: '1' },
      },
      { role: 'assistant', content: 'Seen.' },
    ],
  })
  const short = await post(`/vector_stores`, { name: 'batch' })
  const cancelled = await post(`/vector_stores/${short.id}/file_batches`, { file_ids: [lake.id, table.id] })
  await post(`/vector_stores/${short.id}/file_batches/${cancelled.id}/cancel`).catch(() => undefined)
  await until(`/vector_stores/${short.id}/file_batches/${cancelled.id}`, ['cancelled', 'completed'])
  // What no list of the API shows.
  const batches = [
    `/vector_stores/${store.id}/file_batches/${batch.id}`,
    `/vector_stores/${short.id}/file_batches/${cancelled.id}`,
  ]
  const run_path = `/threads/${String(open.thread_id)}/runs/${open.id}`
  console.log(JSON.stringify({ batches, run_path, upload_id }))
}

await (only === 'expired' ? makeExpired() : makeRest())
