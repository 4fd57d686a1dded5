/** Imports of damaged objects, and of objects that cannot be kept as they are. */
import { strToU8, zipSync } from 'fflate'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  assistant,
  importInto,
  message,
  messageIds,
  run,
  setUpEach,
  step,
  text,
  thread,
  threadExport,
} from './fixtures.ts'

const setup = setUpEach()

test('damaged lines, unknown values, wrong objects and duplicates are reported and the rest is imported', async () => {
  setup.folder.write({
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
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.kinds.message).toEqual({ found: 8, imported: 3, already_there: 1, skipped: 4 })
  expect(
    report.skipped.map(({ kind, reason, count, examples }) => [kind, count, reason, examples[0]]),
  ).toEqual([
    ['value', 2, 'it is not valid JSON', 'all.ndjson:1'],
    ['value', 1, 'its format is not known', 'all.ndjson:4'],
    ['message', 1, expect.stringContaining('role'), 'msg_s'],
    ['message', 1, expect.stringContaining('content'), 'msg_c'],
    ['message', 1, 'its id has characters that are not allowed in ids', 'wrong id'],
    ['message', 1, 'its thread_id is not an id of a thread', 'msg_r'],
  ])
  expect(report.dropped_fields).toEqual({
    'message.color': 1,
    'message: text with a character that cannot be stored': 1,
  })
  const replaced = await setup.server.openai.beta.threads.messages.retrieve('msg_0', {
    thread_id: 'thread_d',
  })
  expect(replaced.content).toEqual(text('a\ufffdb\ufffd'))
  expect(await messageIds(setup.server, 'thread_d')).toEqual(['msg_1', 'msg_0', 'msg_m'])
  const [kept] = (await setup.server.openai.beta.threads.messages.list('thread_d')).data
  expect(kept?.metadata).toEqual({ n: '1' })
})

test('a JSON document above the limit is skipped, and files of any number of lines are read', async () => {
  const all = Array.from({ length: 50 }, (_, index) => message('thread_l', `msg_${index}`, index))
  setup.folder.write({
    'large.json': all,
    'lines.ndjson': ['{"damaged', ...all.map((one) => JSON.stringify(one))].join('\n'),
    'small.json': [assistant('asst_small')],
  })
  const report = await importInto(setup.server, setup.folder.path, { maxDocumentBytes: 5_000 })
  expect(report.kinds).toMatchObject({ assistant: { imported: 1 }, message: { found: 50, imported: 50 } })
  expect(report.skipped).toMatchObject([
    {
      reason: 'the JSON document is too large to be read in one piece: write one object a line',
      examples: ['large.json:1'],
    },
    { reason: 'it is not valid JSON', examples: ['lines.ndjson:1'] },
  ])
})

test('lines are read as lines when the first one is long, and a long document of one line as a document', async () => {
  const long = 'x'.repeat(400_000)
  const lines = [1, 2].map((at) => message('thread_l', `msg_${at}`, at, { content: long }))
  const page = (id: string) => ({
    object: 'list',
    data: [assistant(id, { instructions: long.slice(0, 250_000) })],
  })
  const exported = (id: string) =>
    threadExport(id, { messages: [message(id, `msg_${id}`, 1, { content: long })] })
  setup.folder.write({
    'messages.ndjson': `${lines.map((one) => JSON.stringify(one)).join('\n')}\n`,
    'pages.ndjson': `${JSON.stringify(page('asst_1'))}\r\n\r\n${JSON.stringify(page('asst_2'))}`,
    'threads.ndjson': ['thread_1', 'thread_2'].map((id) => JSON.stringify(exported(id))).join('\n'),
    'document.json': `${JSON.stringify([page('asst_3').data[0], page('asst_4').data[0]])}\n\n`,
    // As database tools write an array.
    'array.json': `[${[5, 6].map((at) => JSON.stringify(page(`asst_${at}`).data[0])).join(',\n')}]\n`,
    'blank.ndjson': `\n${[7, 8].map((at) => JSON.stringify(page(`asst_${at}`).data[0])).join('\n')}`,
  })
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.skipped).toEqual([])
  expect(report.kinds).toMatchObject({ assistant: { imported: 8 }, message: { imported: 4 } })
})

test('only the line above the limit is skipped', async () => {
  const lines = ['msg_1', 'msg_2'].map((id) => JSON.stringify(message('thread_l', id, 1)))
  const long = JSON.stringify(message('thread_l', 'msg_long', 1, { content: 'x'.repeat(2_500_000) }))
  setup.folder.write({ 'lines.ndjson': [lines[0], long, lines[1], long].join('\n') })
  const report = await importInto(setup.server, setup.folder.path, { maxDocumentBytes: 2_000_000 })
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
  setup.folder.write({
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
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.kinds.message).toMatchObject({ imported: 5, skipped: 2 })
  const { data } = await setup.server.openai.beta.threads.messages.list('thread_t')
  expect(data.map((one) => one.created_at)).toEqual(times.map(() => at))
  expect((await setup.server.openai.beta.threads.retrieve('thread_t')).created_at).toBe(at)
  expect((await setup.server.openai.beta.threads.retrieve('thread_e')).created_at).toBe(at)
  expect(
    await setup.server.openai.beta.threads.runs.retrieve('run_e', { thread_id: 'thread_e' }),
  ).toMatchObject({
    created_at: at,
    completed_at: at + 2,
  })
})

test('files of PowerShell (UTF-16) are read, and a zip inside a folder is reported', async () => {
  const utf16 = (value: string) => Buffer.from(`\uFEFF${value}`, 'utf16le')
  const rows = [message('thread_u', 'msg_1', 1), message('thread_u', 'msg_2', 2, { content: text('é💡') })]
  writeFileSync(join(setup.folder.path, 'document.json'), utf16(JSON.stringify([assistant('asst_u')])))
  writeFileSync(
    join(setup.folder.path, 'lines.ndjson'),
    utf16(rows.map((row) => JSON.stringify(row)).join('\r\n')),
  )
  writeFileSync(join(setup.folder.path, 'rows.csv'), utf16('thread_id,role,text\r\nthread_u,user,"ü, ö"\r\n'))
  writeFileSync(join(setup.folder.path, 'more.zip'), zipSync({ 'a.json': strToU8('{}') }))
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.kinds).toMatchObject({ assistant: { imported: 1 }, message: { imported: 3 } })
  expect(report.skipped).toEqual([
    {
      kind: 'value',
      reason: 'it is a zip inside the import, which is not opened: import it by itself, or unpack it',
      count: 1,
      examples: ['more.zip'],
    },
  ])
  const { data } = await setup.server.openai.beta.threads.messages.list('thread_u', { order: 'asc' })
  expect(data.map((one) => one.content)).toEqual([text('msg_1'), text('é💡'), text('ü, ö')])
})

test('only the row that the database refuses is left out', async () => {
  setup.folder.write({
    'a.json': [
      assistant('asst_1'),
      assistant('asst_2', {
        tool_resources: { code_interpreter: { file_ids: [`file-${randomBytes(9000).toString('hex')}`] } },
      }),
      assistant('asst_3'),
    ],
  })
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.kinds.assistant).toMatchObject({ imported: 2, skipped: 1 })
  expect(report.skipped[0]).toMatchObject({ examples: ['asst_2'] })
  expect(report.skipped[0]?.reason).toMatch(/^the database refused it: /)
})

test('runs that were active are expired, with a reason in the trace', async () => {
  const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }
  setup.folder.write({
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
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.expired_runs).toBe(2)
  const { body } = await setup.server.request('GET', '/threads/thread_e/runs/run_r')
  expect(body).toMatchObject({ status: 'expired', required_action: null, expires_at: 620 })
  const trace = await setup.server.request('GET', '/threads/thread_e/runs/run_r/trace')
  expect(JSON.stringify(trace.body)).toContain('the run was active in the export')
  const open = await setup.server.openai.beta.threads.messages.retrieve('msg_open', { thread_id: 'thread_e' })
  expect(open).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'run_expired' } })
  // The thread is not locked.
  await setup.server.openai.beta.threads.messages.create('thread_e', { role: 'user', content: 'Go on' })
})

test('objects of the first version of the API and of other services are converted', async () => {
  setup.folder.write({
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
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.dropped_fields).toEqual({
    'assistant.tool of type bing_grounding': 1,
    'assistant.file_ids': 1,
    'message.file_ids': 1,
  })
  const { tools } = await setup.server.openai.beta.assistants.retrieve('asst_v1')
  expect(tools.map(({ type }) => type)).toEqual(['file_search', 'function'])
  const kept = await setup.server.openai.beta.threads.messages.retrieve('msg_v1', { thread_id: 'thread_v' })
  expect(kept.content).toEqual(text('plain'))
  expect(kept.attachments).toEqual([{ file_id: 'file-x', tools: [{ type: 'file_search' }] }])
})
