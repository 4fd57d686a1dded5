/** Imports of saved objects, as a user of the API sees them afterwards. */
import { describe, expect, test } from 'vitest'
import {
  assistant,
  file,
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

const list = (data: { id: string }[]) => ({
  object: 'list',
  data,
  first_id: data[0]?.id,
  last_id: data.at(-1)?.id,
  has_more: false,
})

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
    const report = await importInto(setup.server, setup.folder.write(files))
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
    const { openai } = setup.server
    expect(await openai.beta.assistants.retrieve('asst_tutor')).toMatchObject({
      created_at: 1_710_000_000,
      reasoning_effort: null,
    })
    expect(await openai.beta.threads.retrieve('thread_a')).toMatchObject({ metadata: { user: 'u1' } })
    expect(await messageIds(setup.server, 'thread_a')).toEqual(['msg_1', 'msg_2'])
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
    await importInto(setup.server, setup.folder.write(files))
    setup.server.model.script([
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
    await setup.server.openai.beta.threads.messages.create('thread_a', { role: 'user', content: 'Thanks' })
    const next = await setup.server.openai.beta.threads.runs.createAndPoll(
      'thread_a',
      { assistant_id: 'asst_tutor', tools: [] },
      { pollIntervalMs: 20 },
    )
    expect(next.status).toBe('completed')
    expect((await messageIds(setup.server, 'thread_a')).slice(0, 2)).toEqual(['msg_1', 'msg_2'])
  })

  test('a second run imports nothing twice; a dry run writes nothing', async () => {
    const path = setup.folder.write(files)
    const dry = await importInto(setup.server, path, { dryRun: true })
    expect(dry.kinds.message).toMatchObject({ found: 2, imported: 2, already_there: 0 })
    expect(dry.kinds.step).toMatchObject({ imported: 2, skipped: 0 })
    expect(dry.contents.missing).toBe(1)
    expect((await setup.server.openai.beta.assistants.list()).data).toEqual([])
    await importInto(setup.server, path)
    const again = await importInto(setup.server, path)
    expect(again.kinds.message).toEqual({ found: 2, imported: 0, already_there: 2, skipped: 0 })
    expect(again.kinds.run).toEqual({ found: 1, imported: 0, already_there: 1, skipped: 0 })
    expect(again.reordered_threads).toBe(0)
  })

  test('objects of another project are not taken or changed', async () => {
    const path = setup.folder.write(files)
    await importInto(setup.server, path, { project: 'other' })
    const report = await importInto(setup.server, path)
    expect(report.kinds.message).toMatchObject({ imported: 0, already_there: 0, skipped: 2 })
    expect(report.skipped.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['its id exists in another project', 'its thread exists in another project']),
    )
    setup.folder.write({ 'threads/more.json': [message('thread_a', 'msg_intruder', 1_720_000_009)] })
    await importInto(setup.server, path)
    const rows = await setup.server.db.query({ text: `select id from messages where id = 'msg_intruder'` })
    expect(rows).toEqual([])
  })
})

describe('order', () => {
  test.for([
    ['pages newest first', 'desc'],
    ['pages oldest first', 'asc'],
  ] as const)('%s have the order of the conversation, also within a second', async ([, order]) => {
    // Four messages in each second: only their place in the dump shows the order.
    const all = Array.from({ length: 230 }, (_, index) =>
      message('thread_p', `msg_${String(index).padStart(3, '0')}`, 1_720_000_000 + Math.floor(index / 4)),
    )
    const dumped = order === 'desc' ? all.toReversed() : all
    setup.folder.write({
      'messages-1.json': list(dumped.slice(0, 100)),
      'messages-2.json': list(dumped.slice(100, 200)),
      'messages-10.json': list(dumped.slice(200)),
    })
    const report = await importInto(setup.server, setup.folder.path)
    expect(report.created_threads).toBe(1)
    expect(await messageIds(setup.server, 'thread_p')).toEqual(all.slice(0, 100).map(({ id }) => id))
    const rows = await setup.server.db.query<{ id: string }>({ text: 'select id from messages order by seq' })
    expect(rows.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    expect((await setup.server.openai.beta.threads.retrieve('thread_p')).created_at).toBe(1_720_000_000)
  })

  test('messages, runs and steps that are imported in any order are put in order', async () => {
    const of = { thread_id: 'thread_o', run_id: 'run_2' }
    setup.folder.write({
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
    const report = await importInto(setup.server, setup.folder.path)
    expect(report.reordered_threads).toBe(1)
    expect(await messageIds(setup.server, 'thread_o')).toEqual(['msg_1', 'msg_2', 'msg_3', 'msg_4'])
    const runs = await setup.server.openai.beta.threads.runs.list('thread_o', { order: 'asc' })
    expect(runs.data.map(({ id }) => id)).toEqual(['run_1', 'run_2'])
    const items = await setup.server.db.query<{ id: string }>({
      text: 'select id from (select id, seq from messages union all select id, seq from run_steps) x order by seq',
    })
    expect(items.map(({ id }) => id)).toEqual(['msg_1', 'msg_2', 'step_t', 'step_m', 'msg_3', 'msg_4'])
  })

  test('older messages are put before those of a thread that was continued here', async () => {
    await importInto(setup.server, setup.folder.write({ 'a.json': message('thread_c', 'msg_new', 1_000) }))
    await setup.server.openai.beta.threads.messages.create('thread_c', { role: 'user', content: 'now' })
    setup.folder.write({ 'a.json': list([message('thread_c', 'msg_old', 900)]) })
    await importInto(setup.server, setup.folder.path)
    expect((await messageIds(setup.server, 'thread_c')).slice(0, 2)).toEqual(['msg_old', 'msg_new'])
  })
})

describe('stopping', () => {
  test('an import that was stopped is continued by the next one', async () => {
    const lines = Array.from({ length: 12_000 }, (_, index) =>
      JSON.stringify(message(`thread_${index % 50}`, `msg_${index}`, 1_000_000 - index)),
    )
    setup.folder.write({ 'messages.ndjson': lines.join('\n') })
    const stop = new AbortController()
    const stopped = importInto(setup.server, setup.folder.path, {
      signal: stop.signal,
      onProgress: ({ phase, done }) => {
        if (phase === 'writing' && done >= 6_000) stop.abort(new Error('stopped'))
      },
    })
    await expect(stopped).rejects.toThrow('stopped')
    const [{ count } = { count: 0 }] = await setup.server.db.query<{ count: number }>({
      text: 'select count(*) from messages',
    })
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThan(12_000)
    const report = await importInto(setup.server, setup.folder.path)
    expect(report.kinds.message).toEqual({
      found: 12_000,
      imported: 12_000 - count,
      already_there: count,
      skipped: 0,
    })
    expect((await messageIds(setup.server, 'thread_7')).slice(0, 2)).toEqual(['msg_11957', 'msg_11907'])
  })
})
