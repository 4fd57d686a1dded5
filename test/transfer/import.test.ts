/** Imports of saved objects, as a user of the API sees them afterwards. */
import { zipSync, strToU8 } from 'fflate'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import {
  assistant,
  file,
  importInto,
  makeFolder,
  message,
  run,
  step,
  text,
  thread,
  threadExport,
  type Folder,
} from './fixtures.ts'

let server: TestServer
let folder: Folder
beforeEach(async () => {
  server = await testServer({ scriptedEmbedder: true, config: { allowAllDownloads: true } })
  folder = makeFolder()
})
afterEach(async () => {
  folder.remove()
  await server.close()
})

const list = (data: { id: string }[]) => ({
  object: 'list',
  data,
  first_id: data[0]?.id,
  last_id: data.at(-1)?.id,
  has_more: false,
})

/** Ids of the messages of a thread, oldest first. */
async function idsOf(thread_id: string): Promise<string[]> {
  const page = await server.openai.beta.threads.messages.list(thread_id, { order: 'asc', limit: 100 })
  return page.data.map(({ id }) => id)
}

describe('a folder of assistants-thread-export/v1', () => {
  const call = {
    id: 'call_1',
    type: 'function',
    function: { name: 'add', arguments: '{"a":1,"b":2}', output: '3' },
  }
  const of = { thread_id: 'thread_a', run_id: 'run_1' }
  const parts = {
    thread: thread('thread_a', 1_720_000_000, { metadata: { user: 'u1' } }),
    messages: [
      message('thread_a', 'msg_1', 1_720_000_001, { content: text('What is 1 + 2?') }),
      message('thread_a', 'msg_2', 1_720_000_003, {
        role: 'assistant',
        assistant_id: 'asst_tutor',
        run_id: 'run_1',
        content: text('It is 3【4:0†a.txt】.', [
          {
            type: 'file_citation',
            text: '【4:0†a.txt】',
            start_index: 7,
            end_index: 18,
            file_citation: { file_id: 'file-a', quote: 'three' },
          },
        ]),
      }),
    ],
    runs: [
      {
        ...run('thread_a', 'run_1', 1_720_000_002),
        steps: [
          step(of, 'step_1', 1_720_000_002, { type: 'tool_calls', tool_calls: [call] }),
          step(of, 'step_2', 1_720_000_003, {
            type: 'message_creation',
            message_creation: { message_id: 'msg_2' },
          }),
        ],
      },
    ],
    files: { 'file-a': file('file-a', 'a.txt', 5) },
  }
  const files = {
    'manifest.json': { export_schema: 'assistants-export-manifest/v1', threads: 1 },
    'assistants.json': [assistant('asst_tutor')],
    'threads/thread_a.json': threadExport('thread_a', parts),
  }

  test('every object is there with its id, times, annotations and usage', async () => {
    const report = await importInto(server, folder.write(files))
    expect(report.kinds).toMatchObject({
      assistant: { found: 1, imported: 1 },
      thread: { imported: 1 },
      message: { imported: 2 },
      run: { imported: 1 },
      step: { imported: 2 },
      file: { imported: 1 },
    })
    expect(report.skipped).toEqual([])
    expect(report.dropped_fields).toEqual({ 'message.content.text.annotations.file_citation.quote': 1 })
    const { openai } = server
    expect(await openai.beta.assistants.retrieve('asst_tutor')).toMatchObject({
      created_at: 1_710_000_000,
      reasoning_effort: null,
    })
    expect(await openai.beta.threads.retrieve('thread_a')).toMatchObject({ metadata: { user: 'u1' } })
    expect(await idsOf('thread_a')).toEqual(['msg_1', 'msg_2'])
    const answer = await openai.beta.threads.messages.retrieve('msg_2', { thread_id: 'thread_a' })
    expect(answer).toMatchObject({ created_at: 1_720_000_003, run_id: 'run_1', status: 'completed' })
    expect(answer.content).toMatchObject([
      { text: { annotations: [{ file_citation: { file_id: 'file-a' } }] } },
    ])
    expect(await openai.beta.threads.runs.retrieve('run_1', { thread_id: 'thread_a' })).toMatchObject({
      status: 'completed',
      usage: { total_tokens: 15, prompt_token_details: { cached_tokens: 0 } },
    })
    const steps = await openai.beta.threads.runs.steps.list('run_1', { thread_id: 'thread_a', order: 'asc' })
    expect(steps.data.map(({ id }) => id)).toEqual(['step_1', 'step_2'])
  })

  test('a run continues the thread: the model reads the history with its tool calls', async () => {
    await importInto(server, folder.write(files))
    server.model.script([
      {
        text: 'You are welcome.',
        expect: ({ messages }) => {
          expect(messages).toMatchObject([
            { role: 'system' },
            { role: 'user', content: 'What is 1 + 2?' },
            { role: 'assistant', tool_calls: [{ id: 'call_1', function: { name: 'add' } }] },
            { role: 'tool', tool_call_id: 'call_1', content: '3' },
            { role: 'assistant', content: 'It is 3【4:0†a.txt】.' },
            { role: 'user', content: 'Thanks' },
          ])
        },
      },
    ])
    await server.openai.beta.threads.messages.create('thread_a', { role: 'user', content: 'Thanks' })
    const next = await server.openai.beta.threads.runs.createAndPoll(
      'thread_a',
      { assistant_id: 'asst_tutor', tools: [] },
      { pollIntervalMs: 20 },
    )
    expect(next.status).toBe('completed')
    expect((await idsOf('thread_a')).slice(0, 2)).toEqual(['msg_1', 'msg_2'])
  })

  test('a second run imports nothing twice; a dry run writes nothing', async () => {
    const path = folder.write(files)
    const dry = await importInto(server, path, { dryRun: true })
    expect(dry.kinds.message).toMatchObject({ found: 2, imported: 2, already_there: 0 })
    expect(dry.kinds.step).toMatchObject({ imported: 2, skipped: 0 })
    expect(dry.contents.missing).toBe(1)
    expect((await server.openai.beta.assistants.list()).data).toEqual([])
    await importInto(server, path)
    const again = await importInto(server, path)
    expect(again.kinds.message).toEqual({ found: 2, imported: 0, already_there: 2, skipped: 0 })
    expect(again.kinds.run).toEqual({ found: 1, imported: 0, already_there: 1, skipped: 0 })
    expect(again.reordered_threads).toBe(0)
  })

  test('objects of another project are not taken or changed', async () => {
    const path = folder.write(files)
    await importInto(server, path, { project: 'other' })
    const report = await importInto(server, path)
    expect(report.kinds.message).toMatchObject({ imported: 0, already_there: 0, skipped: 2 })
    expect(report.skipped.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['its id exists in another project', 'its thread exists in another project']),
    )
    folder.write({ 'threads/more.json': [message('thread_a', 'msg_intruder', 1_720_000_009)] })
    await importInto(server, path)
    const rows = await server.db.query({ text: `select id from messages where id = 'msg_intruder'` })
    expect(rows).toEqual([])
  })
})

describe('order', () => {
  test.for([
    ['pages newest first', 'desc'],
    ['pages oldest first', 'asc'],
  ] as const)('%s give the order of the conversation, also within a second', async ([, order]) => {
    // Four messages in each second: only their place in the dump shows the order.
    const all = Array.from({ length: 230 }, (_, index) =>
      message('thread_p', `msg_${String(index).padStart(3, '0')}`, 1_720_000_000 + Math.floor(index / 4)),
    )
    const dumped = order === 'desc' ? all.toReversed() : all
    folder.write({
      'messages-1.json': list(dumped.slice(0, 100)),
      'messages-2.json': list(dumped.slice(100, 200)),
      'messages-10.json': list(dumped.slice(200)),
    })
    const report = await importInto(server, folder.path)
    expect(report.created_threads).toBe(1)
    expect(await idsOf('thread_p')).toEqual(all.slice(0, 100).map(({ id }) => id))
    const rows = await server.db.query<{ id: string }>({ text: 'select id from messages order by seq' })
    expect(rows.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    expect((await server.openai.beta.threads.retrieve('thread_p')).created_at).toBe(1_720_000_000)
  })

  test('messages, runs and steps that came in any order are put in order', async () => {
    const of = { thread_id: 'thread_o', run_id: 'run_2' }
    folder.write({
      'b.ndjson': [
        message('thread_o', 'msg_4', 40),
        step(of, 'step_m', 31, { type: 'message_creation', message_creation: { message_id: 'msg_3' } }),
        message('thread_o', 'msg_2', 20),
        run('thread_o', 'run_2', 30),
        step(of, 'step_t', 30, { type: 'tool_calls', tool_calls: [] }),
        run('thread_o', 'run_1', 10),
        message('thread_o', 'msg_3', 31),
        message('thread_o', 'msg_1', 10),
      ]
        .map((one) => JSON.stringify(one))
        .join('\n'),
    })
    const report = await importInto(server, folder.path)
    expect(report.reordered_threads).toBe(1)
    expect(await idsOf('thread_o')).toEqual(['msg_1', 'msg_2', 'msg_3', 'msg_4'])
    const runs = await server.openai.beta.threads.runs.list('thread_o', { order: 'asc' })
    expect(runs.data.map(({ id }) => id)).toEqual(['run_1', 'run_2'])
    const items = await server.db.query<{ id: string }>({
      text: 'select id from (select id, seq from messages union all select id, seq from run_steps) x order by seq',
    })
    expect(items.map(({ id }) => id)).toEqual(['msg_1', 'msg_2', 'step_t', 'step_m', 'msg_3', 'msg_4'])
  })

  test('a thread that was continued here gets its older messages in front', async () => {
    await importInto(server, folder.write({ 'a.json': message('thread_c', 'msg_new', 1_000) }))
    await server.openai.beta.threads.messages.create('thread_c', { role: 'user', content: 'now' })
    folder.write({ 'a.json': list([message('thread_c', 'msg_old', 900)]) })
    await importInto(server, folder.path)
    expect((await idsOf('thread_c')).slice(0, 2)).toEqual(['msg_old', 'msg_new'])
  })
})

describe('what is damaged or cannot be kept', () => {
  test('damaged lines, unknown values, wrong objects and duplicates are reported and the rest is imported', async () => {
    folder.write({
      'all.ndjson': [
        '{"id": "msg_broken", "object"',
        JSON.stringify(message('thread_d', 'msg_1', 1)),
        JSON.stringify(message('thread_d', 'msg_1', 1)),
        JSON.stringify({ weather: 'fine' }),
        JSON.stringify(message('thread_d', 'msg_s', 2, { role: 'system' })),
        JSON.stringify(message('thread_d', 'msg_c', 2, { content: [{ type: 'video' }] })),
        JSON.stringify(message('thread_d', 'wrong id', 2)),
        JSON.stringify(message('room 7', 'msg_r', 2)),
        JSON.stringify(message('thread_d', 'msg_0', 3, { content: text('a\u0000b\ud800') })),
        JSON.stringify(message('thread_d', 'msg_m', 4, { metadata: { n: 1, gone: null }, color: 'red' })),
        'null and void',
      ].join('\n'),
    })
    const report = await importInto(server, folder.path)
    expect(report.kinds.message).toEqual({ found: 8, imported: 3, already_there: 1, skipped: 4 })
    expect(
      report.skipped.map(({ kind, reason, count, examples }) => [kind, count, reason, examples[0]]),
    ).toEqual([
      ['value', 2, 'it is not valid JSON', 'all.ndjson:1'],
      ['value', 1, 'its format is not known', 'all.ndjson:4'],
      ['message', 1, expect.stringContaining('role'), 'msg_s'],
      ['message', 1, expect.stringContaining('content'), 'msg_c'],
      ['message', 1, 'its id has characters that no id has', 'wrong id'],
      ['message', 1, 'its thread_id is not an id of a thread', 'msg_r'],
    ])
    expect(report.dropped_fields).toEqual({
      'message.color': 1,
      'message: text with a character that cannot be stored': 1,
    })
    const replaced = await server.openai.beta.threads.messages.retrieve('msg_0', { thread_id: 'thread_d' })
    expect(replaced.content).toEqual(text('a\ufffdb\ufffd'))
    expect(await idsOf('thread_d')).toEqual(['msg_1', 'msg_0', 'msg_m'])
    const [kept] = (await server.openai.beta.threads.messages.list('thread_d')).data
    expect(kept?.metadata).toEqual({ n: '1' })
  })

  test('a JSON document above the limit is skipped, and lines of any number are read', async () => {
    const all = Array.from({ length: 50 }, (_, index) => message('thread_l', `msg_${index}`, index))
    folder.write({
      'large.json': all,
      'lines.ndjson': ['{"damaged', ...all.map((one) => JSON.stringify(one))].join('\n'),
      'small.json': [assistant('asst_small')],
    })
    const report = await importInto(server, folder.path, { maxDocumentBytes: 5_000 })
    expect(report.kinds).toMatchObject({ assistant: { imported: 1 }, message: { found: 50, imported: 50 } })
    expect(report.skipped).toMatchObject([
      {
        reason: 'the JSON document is too large to be read in one piece: write one object a line',
        examples: ['large.json:1'],
      },
      { reason: 'it is not valid JSON', examples: ['lines.ndjson:1'] },
    ])
  })

  test('lines are read as such when the first one is long, and a long document of one line as one', async () => {
    const long = 'x'.repeat(400_000)
    const lines = [1, 2].map((at) => message('thread_l', `msg_${at}`, at, { content: long }))
    const page = (id: string) => ({
      object: 'list',
      data: [assistant(id, { instructions: long.slice(0, 250_000) })],
    })
    const exported = (id: string) =>
      threadExport(id, { messages: [message(id, `msg_${id}`, 1, { content: long })] })
    folder.write({
      'messages.ndjson': `${lines.map((one) => JSON.stringify(one)).join('\n')}\n`,
      'pages.ndjson': `${JSON.stringify(page('asst_1'))}\r\n\r\n${JSON.stringify(page('asst_2'))}`,
      'threads.ndjson': ['thread_1', 'thread_2'].map((id) => JSON.stringify(exported(id))).join('\n'),
      'document.json': `${JSON.stringify([page('asst_3').data[0], page('asst_4').data[0]])}\n\n`,
      // As database tools write an array.
      'array.json': `[${[5, 6].map((at) => JSON.stringify(page(`asst_${at}`).data[0])).join(',\n')}]\n`,
      'blank.ndjson': `\n${[7, 8].map((at) => JSON.stringify(page(`asst_${at}`).data[0])).join('\n')}`,
    })
    const report = await importInto(server, folder.path)
    expect(report.skipped).toEqual([])
    expect(report.kinds).toMatchObject({ assistant: { imported: 8 }, message: { imported: 4 } })
  })

  test('a line above the limit is skipped alone', async () => {
    const lines = ['msg_1', 'msg_2'].map((id) => JSON.stringify(message('thread_l', id, 1)))
    const long = JSON.stringify(message('thread_l', 'msg_long', 1, { content: 'x'.repeat(2_500_000) }))
    folder.write({ 'lines.ndjson': [lines[0], long, lines[1], long].join('\n') })
    const report = await importInto(server, folder.path, { maxDocumentBytes: 2_000_000 })
    expect(report.kinds.message).toMatchObject({ found: 2, imported: 2 })
    expect(report.skipped).toMatchObject([
      {
        reason: 'the JSON document is too large to be read in one piece: write one object a line',
        examples: ['lines.ndjson:2', 'lines.ndjson:4'],
      },
    ])
  })

  test('times of objects may be seconds, milliseconds, ISO 8601 or texts of numbers', async () => {
    const at = 1_714_557_600
    const times = [at, at * 1000 + 250, '2024-05-01T10:00:00Z', String(at), at + 0.5]
    folder.write({
      'all.json': [
        ...times.map((time, index) => message('thread_t', `msg_${index}`, time as number)),
        message('thread_t', 'msg_x', 'yesterday' as never),
        message('thread_t', 'msg_none', null as never),
      ],
      'thread.json': threadExport('thread_e', {
        thread: thread('thread_e', '2024-05-01T10:00:00Z' as never),
        runs: [run('thread_e', 'run_e', (at * 1000) as never, { completed_at: '2024-05-01T10:00:02.000Z' })],
      }),
    })
    const report = await importInto(server, folder.path)
    expect(report.kinds.message).toMatchObject({ imported: 5, skipped: 2 })
    const { data } = await server.openai.beta.threads.messages.list('thread_t')
    expect(data.map((one) => one.created_at)).toEqual(times.map(() => at))
    expect((await server.openai.beta.threads.retrieve('thread_t')).created_at).toBe(at)
    expect((await server.openai.beta.threads.retrieve('thread_e')).created_at).toBe(at)
    expect(await server.openai.beta.threads.runs.retrieve('run_e', { thread_id: 'thread_e' })).toMatchObject({
      created_at: at,
      completed_at: at + 2,
    })
  })

  test('files of PowerShell (UTF-16) are read, and a zip inside a folder is reported', async () => {
    const utf16 = (value: string) => Buffer.from(`\uFEFF${value}`, 'utf16le')
    const rows = [message('thread_u', 'msg_1', 1), message('thread_u', 'msg_2', 2, { content: text('é💡') })]
    writeFileSync(join(folder.path, 'document.json'), utf16(JSON.stringify([assistant('asst_u')])))
    writeFileSync(
      join(folder.path, 'lines.ndjson'),
      utf16(rows.map((row) => JSON.stringify(row)).join('\r\n')),
    )
    writeFileSync(join(folder.path, 'rows.csv'), utf16('thread_id,role,text\r\nthread_u,user,"ü, ö"\r\n'))
    writeFileSync(join(folder.path, 'more.zip'), zipSync({ 'a.json': strToU8('{}') }))
    const report = await importInto(server, folder.path)
    expect(report.kinds).toMatchObject({ assistant: { imported: 1 }, message: { imported: 3 } })
    expect(report.skipped).toEqual([
      {
        kind: 'value',
        reason: 'it is a zip inside the import, which is not opened: import it by itself, or unpack it',
        count: 1,
        examples: ['more.zip'],
      },
    ])
    const { data } = await server.openai.beta.threads.messages.list('thread_u', { order: 'asc' })
    expect(data.map((one) => one.content)).toEqual([text('msg_1'), text('é💡'), text('ü, ö')])
  })

  test('a row that the database refuses is left out alone', async () => {
    folder.write({
      'a.json': [
        assistant('asst_1'),
        assistant('asst_2', {
          tool_resources: { code_interpreter: { file_ids: [`file-${randomBytes(9000).toString('hex')}`] } },
        }),
        assistant('asst_3'),
      ],
    })
    const report = await importInto(server, folder.path)
    expect(report.kinds.assistant).toMatchObject({ imported: 2, skipped: 1 })
    expect(report.skipped[0]).toMatchObject({ examples: ['asst_2'] })
    expect(report.skipped[0]?.reason).toMatch(/^the database refused it: /)
  })

  test('runs that were active are expired, with a reason in the trace', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }
    folder.write({
      'a.json': [
        run('thread_e', 'run_q', 10, { status: 'queued', completed_at: null }),
        run('thread_e', 'run_r', 20, {
          status: 'requires_action',
          completed_at: null,
          required_action: { type: 'submit_tool_outputs', submit_tool_outputs: { tool_calls: [call] } },
        }),
        step({ thread_id: 'thread_e', run_id: 'run_r' }, 'step_r', 21, {
          type: 'tool_calls',
          tool_calls: [call],
        }),
        message('thread_e', 'msg_open', 22, { status: 'in_progress', role: 'assistant', run_id: 'run_r' }),
      ],
    })
    const report = await importInto(server, folder.path)
    expect(report.expired_runs).toBe(2)
    const { body } = await server.request('GET', '/threads/thread_e/runs/run_r')
    expect(body).toMatchObject({ status: 'expired', required_action: null, expires_at: 620 })
    const trace = await server.request('GET', '/threads/thread_e/runs/run_r/trace')
    expect(JSON.stringify(trace.body)).toContain('the run was active in the export')
    const open = await server.openai.beta.threads.messages.retrieve('msg_open', { thread_id: 'thread_e' })
    expect(open).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'run_expired' } })
    // The thread is not locked.
    await server.openai.beta.threads.messages.create('thread_e', { role: 'user', content: 'Go on' })
  })

  test('objects of the first version of the API and of other services are brought up to date', async () => {
    folder.write({
      'a.json': [
        assistant('asst_v1', {
          tools: [
            { type: 'retrieval' },
            { type: 'bing_grounding' },
            { type: 'function', function: { name: 'f' } },
          ],
          file_ids: ['file-x'],
          tool_resources: undefined,
        }),
        message('thread_v', 'msg_v1', 5, { attachments: undefined, file_ids: ['file-x'], content: 'plain' }),
      ],
    })
    const report = await importInto(server, folder.path)
    expect(report.dropped_fields).toEqual({
      'assistant.tool of type bing_grounding': 1,
      'assistant.file_ids': 1,
      'message.file_ids': 1,
    })
    const { tools } = await server.openai.beta.assistants.retrieve('asst_v1')
    expect(tools.map(({ type }) => type)).toEqual(['file_search', 'function'])
    const kept = await server.openai.beta.threads.messages.retrieve('msg_v1', { thread_id: 'thread_v' })
    expect(kept.content).toEqual(text('plain'))
    expect(kept.attachments).toEqual([{ file_id: 'file-x', tools: [{ type: 'file_search' }] }])
  })
})

describe('contents of files', () => {
  const store = {
    id: 'vs_1',
    object: 'vector_store',
    created_at: 1_710_000_200,
    name: 'Birds',
    usage_bytes: 100,
    file_counts: { in_progress: 0, completed: 1, failed: 0, cancelled: 0, total: 1 },
    status: 'completed',
    expires_after: null,
    expires_at: null,
    last_active_at: 1_710_000_300,
    metadata: {},
  }
  const heron = 'The heron waits in shallow water.'
  const stored = {
    id: 'file-h',
    object: 'vector_store.file',
    usage_bytes: 50,
    created_at: 1_710_000_201,
    vector_store_id: 'vs_1',
    status: 'completed',
    last_error: null,
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 100 } },
    attributes: { topic: 'birds' },
  }

  test('a file without content answers its metadata and a clear error, and --files fills it later', async () => {
    folder.write({ 'export/a.json': [file('file-h', 'heron.txt', heron.length), store, stored] })
    const report = await importInto(server, join(folder.path, 'export'))
    expect(report.contents).toEqual({ imported: 0, missing: 1, texts: 0, missing_examples: ['file-h'] })
    const { openai } = server
    expect(await openai.files.retrieve('file-h')).toMatchObject({
      filename: 'heron.txt',
      bytes: heron.length,
      status: 'error',
      status_details: 'The content of this file was not part of the import.',
    })
    const content = await server.request('GET', '/files/file-h/content')
    expect(content.status).toBe(404)
    expect(content.body.error.message).toContain('--files')
    expect(await openai.vectorStores.files.retrieve('file-h', { vector_store_id: 'vs_1' })).toMatchObject({
      status: 'failed',
      last_error: { code: 'invalid_file', message: 'The content of the file was not imported.' },
      attributes: { topic: 'birds' },
    })

    // A file of the same name and another size is not the same file.
    folder.write({ 'wrong/heron.txt': 'other', 'right/deep/heron.txt': heron })
    const wrong = await importInto(server, join(folder.path, 'export'), { files: join(folder.path, 'wrong') })
    expect(wrong.contents).toMatchObject({ imported: 0, missing: 1 })
    const right = await importInto(server, join(folder.path, 'export'), { files: join(folder.path, 'right') })
    expect(right.contents).toMatchObject({ imported: 1, missing: 0 })
    expect(await (await openai.files.content('file-h')).text()).toBe(heron)
    await openai.vectorStores.files.poll('vs_1', 'file-h', { pollIntervalMs: 50 })
    const hits = await openai.vectorStores.search('vs_1', { query: 'heron' })
    expect(hits.data[0]).toMatchObject({ file_id: 'file-h', attributes: { topic: 'birds' } })
    await openai.files.delete('file-h')
  })

  test('a dry run counts what the import then does', async () => {
    const repeated = file('file-1', 'a.txt', heron.length)
    folder.write({
      'objects.json': [repeated, file('file-2', 'b.txt', 3), store, { ...stored, id: 'file-1' }],
      'again.json': [
        repeated,
        file('file-2', 'b.txt', 3),
        { ...stored, id: 'file-1' },
        { ...stored, id: 'file-gone' },
        { ...stored, id: 'file-2', vector_store_id: 'vs_gone' },
      ],
      'a.txt': heron,
    })
    for (const imported of [1, 0]) {
      const dry = await importInto(server, folder.path, { dryRun: true })
      const { contents, kinds, skipped } = await importInto(server, folder.path)
      expect({ kinds: dry.kinds, skipped: dry.skipped }).toEqual({ kinds, skipped })
      expect(kinds.vector_store_file).toMatchObject({ imported, already_there: 2 - imported, skipped: 2 })
      expect(dry.contents).toEqual(contents)
    }
  })

  test('a file without content can be deleted, and fails clearly where its content is needed', async () => {
    await importInto(
      server,
      folder.write({ 'a.json': [file('file-1', 'a.png', 4), file('file-2', 'b.txt', 4)] }),
    )
    const { openai } = server
    const failing = await openai.beta.threads.create({
      messages: [
        { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
      ],
    })
    await importInto(
      server,
      folder.write({
        'a.json': message(failing.id, 'msg_image', 2_000_000_000, {
          content: [{ type: 'image_file', image_file: { file_id: 'file-1' } }],
        }),
      }),
    )
    const { id } = await openai.beta.assistants.create({ model: 'gpt-4o' })
    const failed = await openai.beta.threads.runs.createAndPoll(
      failing.id,
      { assistant_id: id },
      { pollIntervalMs: 20 },
    )
    expect(failed.last_error?.message).toContain('the content of that file was not imported')
    server.complaints.splice(0)
    const added = await openai.vectorStores.create({ file_ids: ['file-2'] })
    const poll = await openai.vectorStores.files.poll(added.id, 'file-2', { pollIntervalMs: 50 })
    expect(poll.last_error?.message).toBe('The content of the file was not imported.')
    expect(await openai.files.delete('file-2')).toMatchObject({ deleted: true })
    expect((await openai.files.list()).data.map((one) => one.id)).toEqual(['file-1'])
  })

  test('contents in the same folder are found by id, in a zip too', async () => {
    const zip = zipSync({
      'export/objects.json': strToU8(
        JSON.stringify([file('file-h', 'heron.txt', heron.length), store, stored]),
      ),
      'export/file-h.txt': strToU8(heron),
    })
    writeFileSync(join(folder.path, 'export.zip'), zip)
    const report = await importInto(server, join(folder.path, 'export.zip'))
    expect(report.contents).toMatchObject({ imported: 1, missing: 0 })
    const done = await server.openai.vectorStores.files.poll('vs_1', 'file-h', { pollIntervalMs: 50 })
    expect(done).toMatchObject({ status: 'completed', created_at: 1_710_000_201 })
    await expect(
      importInto(server, join(folder.path, 'export.zip'), { maxUnpackedBytes: 20 }),
    ).rejects.toThrow('The zip holds more than 20 bytes.')
  })
})

describe('stopping', () => {
  test('an import that was stopped is continued by the next one', async () => {
    const lines = Array.from({ length: 12_000 }, (_, index) =>
      JSON.stringify(message(`thread_${index % 50}`, `msg_${index}`, 1_000_000 - index)),
    )
    folder.write({ 'messages.ndjson': lines.join('\n') })
    const stop = new AbortController()
    const stopped = importInto(server, folder.path, {
      signal: stop.signal,
      onProgress: ({ phase, done }) => {
        if (phase === 'writing' && done >= 6_000) stop.abort(new Error('stopped'))
      },
    })
    await expect(stopped).rejects.toThrow('stopped')
    const [{ count } = { count: 0 }] = await server.db.query<{ count: number }>({
      text: 'select count(*) from messages',
    })
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThan(12_000)
    const report = await importInto(server, folder.path)
    expect(report.kinds.message).toEqual({
      found: 12_000,
      imported: 12_000 - count,
      already_there: count,
      skipped: 0,
    })
    expect((await idsOf('thread_7')).slice(0, 2)).toEqual(['msg_11957', 'msg_11907'])
  })
})
