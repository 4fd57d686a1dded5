/** Each format of other programs, as a user of the API sees it after the import. */
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importInto, setUpEach, text } from './fixtures.ts'

const setup = setUpEach()

interface Said {
  role: string
  text: string
  created_at: number
}

async function conversation(thread_id: string): Promise<Said[]> {
  const page = await setup.server.openai.beta.threads.messages.list(thread_id, { order: 'asc', limit: 100 })
  return page.data.map(({ role, content, created_at }) => ({
    role,
    created_at,
    text: content.map((part) => (part.type === 'text' ? part.text.value : part.type)).join('|'),
  }))
}

async function threadIds(): Promise<string[]> {
  const { body } = await setup.server.request('GET', '/threads?order=asc')
  return (body as { data: { id: string }[] }).data.map(({ id }) => id)
}

test('rows of text as comma-separated values, with quotes, line ends and every form of time', async () => {
  setup.folder.write({
    'chat.csv': [
      'thread_id,assistant_id,message_id,role,text,created_at',
      'thread_1,asst_1,msg_1,user,"Say ""hi"", please',
      'and wait",1700000000',
      'thread_1,asst_1,msg_2,assistant,Hi,1700000001500',
      'thread_1,asst_1,,user,Bye,2023-11-14T22:13:22Z',
      ',asst_1,msg_4,user,nobody,1',
    ].join('\r\n'),
  })
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.skipped).toMatchObject([{ kind: 'value', reason: 'its format is not known', count: 1 }])
  expect(await conversation('thread_1')).toEqual([
    { role: 'user', text: 'Say "hi", please\r\nand wait', created_at: 1_700_000_000 },
    { role: 'assistant', text: 'Hi', created_at: 1_700_000_001 },
    { role: 'user', text: 'Bye', created_at: 1_700_000_002 },
  ])
  const { data } = await setup.server.openai.beta.threads.messages.list('thread_1', { order: 'asc' })
  expect(data.map(({ assistant_id }) => assistant_id)).toEqual([null, 'asst_1', null])
  expect((await importInto(setup.server, setup.folder.path)).kinds.message).toMatchObject({
    imported: 0,
    already_there: 3,
  })
})

test('rows of text as lines of JSON, with ids of another kind', async () => {
  const row = (conversation_id: string, role: string, content: string, timestamp: number) =>
    JSON.stringify({ conversation_id, role, content, timestamp })
  setup.folder.write({
    'log.jsonl': [
      row('c-1', 'human', 'First', 1_700_000_000),
      row('c-1', 'ai', 'Second', 1_700_000_000),
      row('c-2', 'user', 'Third', 1_700_000_005),
      row('c-2', 'tool', 'Fourth', 1_700_000_006),
    ].join('\n'),
  })
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.kinds.message).toMatchObject({ imported: 3, skipped: 1 })
  const ids = await threadIds()
  expect(ids).toHaveLength(2)
  const text = await Promise.all(ids.map(conversation))
  expect(new Set(text.map((one) => one.map((message) => message.text).join()))).toEqual(
    new Set(['First,Second', 'Third']),
  )
  await importInto(setup.server, setup.folder.path)
  expect(await threadIds()).toEqual(ids)
})

test('a table with semicolons or tabs', async () => {
  setup.folder.write({
    'a.csv': 'session_id;role;message\nthread_s;user;Moin; oder so\nthread_s;bot;Moin',
    'b.tsv': 'thread_id\trole\ttext\nthread_t\tuser\t"a\tb"\n',
  })
  await importInto(setup.server, setup.folder.path)
  expect((await conversation('thread_s')).map(({ text }) => text)).toEqual(['Moin', 'Moin'])
  expect((await conversation('thread_t')).map(({ text }) => text)).toEqual(['a\tb'])
})

test('conversations with their items, and items alone', async () => {
  setup.folder.write({
    'conv_1.json': {
      id: 'conv_1',
      object: 'conversation',
      created_at: 1_750_000_000,
      metadata: { topic: 'sums' },
      items: [
        { type: 'message', id: 'msg_c1', role: 'user', content: [{ type: 'input_text', text: '1 + 2?' }] },
        { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'add', arguments: '{}' },
        {
          type: 'message',
          id: 'msg_c2',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: '3', annotations: [] }],
        },
      ],
    },
    'conv_2.json': {
      object: 'list',
      data: [
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is this?' },
            { type: 'input_image', image_url: 'https://example.com/a.png' },
            { type: 'input_file', file_id: 'file-1' },
          ],
        },
        { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
        { type: 'message', role: 'user', content: 'Why?' },
      ],
    },
  })
  utimesSync(join(setup.folder.path, 'conv_2.json'), 1_760_000_000, 1_760_000_000)
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.skipped).toMatchObject([{ kind: 'value', count: 1, examples: ['conv_1.json:1'] }])
  const ids = await threadIds()
  const [first = '', second = ''] = ids
  expect(await setup.server.openai.beta.threads.retrieve(first)).toMatchObject({
    metadata: { topic: 'sums' },
  })
  expect((await conversation(first)).map(({ text }) => text)).toEqual(['1 + 2?', '3'])
  expect((await conversation(second)).map(({ text }) => text)).toEqual([
    'What is this?|image_url',
    'refusal',
    'Why?',
  ])
  const { data } = await setup.server.openai.beta.threads.messages.list(second, { order: 'asc' })
  expect(data[0]).toMatchObject({
    created_at: 1_760_000_000,
    attachments: [{ file_id: 'file-1', tools: [{ type: 'file_search' }] }],
  })
})

test('LibreChat: documents of its database', async () => {
  const conversationId = '8f14e45f-ceea-467f-a5a4-0f3d8c5a1b2c'
  setup.folder.write({
    'conversations.json': [
      {
        _id: { $oid: '65f0' },
        conversationId,
        endpoint: 'openAI',
        title: 'Herons',
        createdAt: { $date: '2024-03-01T10:00:00Z' },
      },
    ],
    'messages.json': [
      {
        _id: { $oid: '65f1' },
        messageId: 'a1b2',
        conversationId,
        isCreatedByUser: true,
        text: 'Where do herons live?',
        createdAt: { $date: { $numberLong: '1709287201000' } },
      },
      {
        _id: { $oid: '65f2' },
        messageId: 'a1b3',
        conversationId,
        parentMessageId: 'a1b2',
        isCreatedByUser: false,
        text: '',
        content: [
          { type: 'think', think: 'hm' },
          { type: 'text', text: 'Near water.' },
        ],
        createdAt: { $date: '2024-03-01T10:00:05Z' },
      },
      {
        messageId: 'msg_real',
        conversationId: 'other',
        thread_id: 'thread_real',
        model: 'asst_real',
        isCreatedByUser: false,
        content: [{ type: 'text', text: { value: 'From an assistant', annotations: [] } }],
        files: [{ file_id: 'file-1' }, { file_id: 'local-2' }],
        createdAt: '2024-03-02T10:00:00Z',
      },
    ],
  })
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.skipped).toEqual([])
  const ids = await threadIds()
  const herons = ids.find((id) => id !== 'thread_real') ?? ''
  expect(await setup.server.openai.beta.threads.retrieve(herons)).toMatchObject({
    metadata: { title: 'Herons' },
    created_at: 1_709_287_200,
  })
  expect(await conversation(herons)).toEqual([
    { role: 'user', text: 'Where do herons live?', created_at: 1_709_287_201 },
    { role: 'assistant', text: 'Near water.', created_at: 1_709_287_205 },
  ])
  expect(
    await setup.server.openai.beta.threads.messages.retrieve('msg_real', { thread_id: 'thread_real' }),
  ).toMatchObject({
    assistant_id: 'asst_real',
    content: text('From an assistant'),
    attachments: [{ file_id: 'file-1' }],
  })
})

test('Flowise: rows of its tables', async () => {
  const details = {
    id: 'asst_flow',
    name: 'Clerk',
    description: '',
    model: 'gpt-4-turbo',
    instructions: 'Be brief.',
    temperature: 0.5,
    tools: ['code_interpreter', { type: 'function', function: { name: 'look_up', parameters: {} } }],
    tool_resources: { file_search: { vector_store_ids: [], files: [] } },
  }
  setup.folder.write({
    'assistant.json': [
      { id: 'b6f0', details: JSON.stringify(details), credential: 'c', createdDate: '2024-05-01T00:00:00Z' },
      { id: 'b6f1', details: JSON.stringify({ ...details, id: '', name: 'Other' }) },
      { id: 'b6f2', details: 'not JSON' },
    ],
    'chat_message.csv': [
      'id,role,chatflowid,content,createdDate,sessionId',
      '1,userMessage,f1,Hello,2024-05-02T00:00:00Z,thread_flow',
      '2,apiMessage,f1,Good day,2024-05-02T00:00:01Z,thread_flow',
      '3,userMessage,f1,Hello again,2024-05-03T00:00:00Z,9c1e',
    ].join('\n'),
  })
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.kinds.assistant).toMatchObject({ imported: 2 })
  expect(report.skipped).toMatchObject([{ kind: 'value', count: 1 }])
  expect(await setup.server.openai.beta.assistants.retrieve('asst_flow')).toMatchObject({
    name: 'Clerk',
    temperature: 0.5,
    tools: [{ type: 'code_interpreter' }, { type: 'function', function: { name: 'look_up' } }],
  })
  expect((await conversation('thread_flow')).map(({ role, text }) => [role, text])).toEqual([
    ['user', 'Hello'],
    ['assistant', 'Good day'],
  ])
  expect(await threadIds()).toHaveLength(2)
})

test('files without objects, and empty files, do not stop an import', async () => {
  setup.folder.write({
    'notes.txt': 'Dear diary, { not JSON',
    'empty.json': '',
    'half.json': '[{"id": "msg_1"',
    'number.json': '42',
    'list.json': '[]',
    'one.json': '{"id":"thread_x","object":"thread","created_at":5}',
  })
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.kinds.thread).toMatchObject({ imported: 1 })
  expect(report.skipped).toMatchObject([
    { reason: 'it is not valid JSON', count: 1, examples: ['half.json:1'] },
  ])
  await expect(importInto(setup.server, join(setup.folder.path, 'missing'))).rejects.toThrow(
    'There is no file or folder',
  )
})
