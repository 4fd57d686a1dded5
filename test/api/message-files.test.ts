import { toFile } from 'openai'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  await server.close()
})

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const heads = {
  'image/png': pixel,
  'image/jpeg': Buffer.from('\xff\xd8\xff\xe0rest', 'latin1'),
  'image/gif': Buffer.from('GIF89arest'),
  'image/webp': Buffer.from('RIFF\0\0\0\0WEBPrest'),
}

async function upload(
  content: Buffer | string = pixel,
  purpose: 'vision' | 'user_data' | 'assistants' | 'batch' | 'evals' = 'vision',
): Promise<string> {
  const file = await toFile(Buffer.from(content), 'a.png')
  return (await server.openai.files.create({ file, purpose })).id
}

const image = (file_id: string) => ({ type: 'image_file' as const, image_file: { file_id } })
const attachment = (file_id: string) => ({ file_id, tools: [{ type: 'code_interpreter' as const }] })
const message = (content: unknown, attachments?: unknown) => ({
  role: 'user',
  content,
  ...(attachments !== undefined && { attachments }),
})

/** The four places where a message can be written, each with the path of its errors. */
const places = [
  {
    name: 'POST messages',
    path: '',
    write: async (one: object) => {
      const thread = await server.openai.beta.threads.create()
      return server.request('POST', `/threads/${thread.id}/messages`, one)
    },
  },
  {
    name: 'POST threads',
    path: 'messages[0].',
    write: (one: object) => server.request('POST', '/threads', { messages: [one] }),
  },
  {
    name: 'additional_messages',
    path: 'additional_messages[0].',
    write: async (one: object) => {
      const thread = await server.openai.beta.threads.create()
      const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
      const body = { assistant_id: assistant.id, additional_messages: [one] }
      return server.request('POST', `/threads/${thread.id}/runs`, body)
    },
  },
  {
    name: 'the thread of threads/runs',
    path: 'thread.messages[0].',
    write: async (one: object) => {
      const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
      return server.request('POST', '/threads/runs', {
        assistant_id: assistant.id,
        thread: { messages: [one] },
      })
    },
  },
]

async function rows(): Promise<unknown[]> {
  return server.db.query({ text: 'select id from messages union all select id from runs' })
}

test.each(places)('$name: an unknown file is refused, and nothing is created', async ({ write }) => {
  const missing = wireError(errors.notFound('file', 'file-none'))
  expect(await write(message([image('file-none')]))).toMatchObject(missing)
  expect(await write(message('Hi', [attachment('file-none')]))).toMatchObject(missing)
  expect(await rows()).toEqual([])
})

test.each(places)(
  '$name: the file of an image must be an image, with a purpose that models may see',
  async ({ write, path }) => {
    const wrong = [await upload('no image'), await upload(pixel, 'batch'), await upload(pixel, 'evals')]
    for (const id of wrong) {
      const error = errors.unsupportedImageFile(`${path}content[1].image_file.file_id`, id)
      const answer = await write(message([{ type: 'text', text: 'Look' }, image(id)]))
      expect(answer).toMatchObject(wireError(error))
    }
    expect(await rows()).toEqual([])
  },
)

test.each(places)('$name: attachments for code_interpreter become the thread’s files', async ({ write }) => {
  server.model.whenever(() => ({ text: ['ok'] }))
  const [first, second] = [await upload(), await upload('text', 'assistants')]
  const attachments = [attachment(first), attachment(second), attachment(first)]
  const { status, body } = await write(message('Hi', attachments))
  expect(status).toBe(200)
  const thread = await server.openai.beta.threads.retrieve(body.thread_id ?? body.id)
  expect(thread.tool_resources).toEqual({ code_interpreter: { file_ids: [first, second] } })
  const messages = await server.openai.beta.threads.messages.list(thread.id, { order: 'asc' })
  expect(messages.data[0]?.attachments).toEqual(attachments)
  const runs = await server.openai.beta.threads.runs.list(thread.id)
  for (const run of runs.data) await server.openai.beta.threads.runs.poll(run.id, { thread_id: thread.id })
})

test.each(places)('$name: attachments for file_search must be readable by their names', async ({ write }) => {
  const tools = [{ type: 'code_interpreter' }, { type: 'file_search' }]
  const answer = await write(message('Hi', [{ file_id: await upload(), tools }]))
  expect(answer).toMatchObject(wireError(errors.unsupportedFile(['.png'])))
  expect(await rows()).toEqual([])
})

test('further messages add their files to the files of the thread, each once', async () => {
  const ids = [await upload(), await upload(), await upload()] as const
  const thread = await server.openai.beta.threads.create({
    messages: [{ role: 'user', content: 'Hi', attachments: [attachment(ids[0])] }],
  })
  expect(thread.tool_resources).toEqual({ code_interpreter: { file_ids: [ids[0]] } })
  const add = (...files: string[]) =>
    server.openai.beta.threads.messages.create(thread.id, {
      role: 'user',
      content: 'And',
      attachments: files.map(attachment),
    })
  await Promise.all([add(ids[1], ids[0]), add(ids[2]), add(ids[0])])
  const { tool_resources } = await server.openai.beta.threads.retrieve(thread.id)
  const file_ids = tool_resources?.code_interpreter?.file_ids ?? []
  expect(file_ids[0]).toBe(ids[0])
  expect(file_ids.toSorted()).toEqual([...ids].toSorted())
})

test('attachments may exceed the number of files that a request may name', async () => {
  const ids = await Promise.all(Array.from({ length: 25 }, () => upload()))
  const thread = await server.openai.beta.threads.create({
    messages: [{ role: 'user', content: 'Hi', attachments: ids.map(attachment) }],
  })
  expect(thread.tool_resources?.code_interpreter?.file_ids).toEqual(ids)
})

test('no thread keeps a file that was deleted while a message attached it', async () => {
  for (let round = 0; round < 5; round += 1) {
    const id = await upload(`round ${round}`)
    const thread = await server.openai.beta.threads.create()
    const write = () =>
      server.request('POST', `/threads/${thread.id}/messages`, message('Hi', [attachment(id)]))
    const [first, second, deletion] = await Promise.all([
      write(),
      write(),
      server.request('DELETE', `/files/${id}`),
    ])
    expect(deletion.status).toBe(200)
    for (const { status } of [first, second]) expect([200, 404]).toContain(status)
    const { tool_resources } = await server.openai.beta.threads.retrieve(thread.id)
    expect(tool_resources?.code_interpreter?.file_ids ?? []).toEqual([])
  }
})

test('a fork has the files of its thread, except one that is being deleted', async () => {
  const [kept, going] = [await upload(), await upload()]
  const thread = await server.openai.beta.threads.create({
    messages: [{ role: 'user', content: 'Hi', attachments: [attachment(kept), attachment(going)] }],
  })
  const fork = async () =>
    (await server.request('POST', `/threads/${thread.id}/fork`, {})).body.tool_resources
  expect(await fork()).toEqual({ code_interpreter: { file_ids: [kept, going] } })
  await server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from files where id = $1 for update', values: [going] })
    expect(await fork()).toEqual({ code_interpreter: { file_ids: [kept] } })
  })
})

test('an image keeps its detail in the message', async () => {
  const id = await upload()
  const thread = await server.openai.beta.threads.create({
    messages: [
      {
        role: 'user',
        content: [image(id), { type: 'image_file', image_file: { file_id: id, detail: 'low' } }],
      },
    ],
  })
  const [made] = (await server.openai.beta.threads.messages.list(thread.id)).data
  expect(made?.content).toEqual([
    { type: 'image_file', image_file: { file_id: id, detail: 'auto' } },
    { type: 'image_file', image_file: { file_id: id, detail: 'low' } },
  ])
})

async function runOn(content: unknown) {
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  return server.openai.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: content as 'text' }] },
  })
}

test.each(Object.entries(heads))('the model sees an image of type %s as a data URL', async (type, bytes) => {
  const id = await upload(bytes, 'assistants')
  const url = `data:${type};base64,${bytes.toString('base64')}`
  server.model.script([{ text: ['A picture.'] }])
  const run = await runOn([
    { type: 'text', text: 'What is this?' },
    { type: 'image_file', image_file: { file_id: id, detail: 'low' } },
    image(id),
  ])
  expect(run.status).toBe('completed')
  expect(server.model.requests[0]?.body.messages).toEqual([
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url, detail: 'low' } },
        { type: 'image_url', image_url: { url, detail: 'auto' } },
      ],
    },
  ])
})

function forget(complaint: string): void {
  const index = server.complaints.findIndex((one) => one.message === complaint)
  expect(index).toBeGreaterThanOrEqual(0)
  server.complaints.splice(index, 1)
}

test('a run on a thread whose image is gone fails and says so', async () => {
  const id = await upload()
  const thread = await server.openai.beta.threads.create({
    messages: [{ role: 'user', content: [image(id)] }],
  })
  await server.openai.files.delete(id)
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  const run = await server.openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
  expect(run.status).toBe('failed')
  expect(run.last_error).toEqual({
    code: 'invalid_prompt',
    message: `The thread shows the model the image '${id}', and that file does not exist any more.`,
  })
  forget('a run failed')
})

test('an image that is too large for models fails the run and says so', async () => {
  const id = await upload(Buffer.concat([pixel, Buffer.alloc(20 * 1024 * 1024)]))
  const run = await runOn([image(id)])
  expect(run.last_error).toEqual({
    code: 'invalid_prompt',
    message: `The image '${id}' is larger than the 20 MB that a model can be shown.`,
  })
  forget('a run failed')
})

test('images that are too large together fail the run, and a shorter conversation helps', async () => {
  const large = (byte: number) => upload(Buffer.concat([pixel, Buffer.alloc(18 * 1024 * 1024, byte)]))
  const ids = [await large(1), await large(2), await large(3)]
  const thread = await server.openai.beta.threads.create({
    messages: ids.map((id) => ({ role: 'user', content: [image(id)] })),
  })
  const { id: assistant_id } = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  const run = await server.openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id })
  expect(run.last_error?.code).toBe('invalid_prompt')
  expect(run.last_error?.message).toContain("truncation_strategy of type 'last_messages'")
  forget('a run failed')
  server.model.script([{ text: ['Two pictures.'] }])
  const shorter = await server.openai.beta.threads.runs.createAndPoll(thread.id, {
    assistant_id,
    truncation_strategy: { type: 'last_messages', last_messages: 2 },
  })
  expect(shorter.status).toBe('completed')
})
