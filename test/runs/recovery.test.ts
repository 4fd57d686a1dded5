import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Queryable } from '../../src/database/database.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { lockClaimableRuns } from '../../src/sql/leases.ts'
import { eventually, gate, stories, timeTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, start, reach, place, steps, messages } = stories(() => server)

/** The trace of a run. */
const trace = (run: any) => server.request('GET', `/threads/${run.thread_id}/runs/${run.id}/trace`)

/** Names of the events that the log of a run holds. */
async function logged(run_id: string): Promise<string[]> {
  const rows = await server.db.query<{ entries: [string, unknown][] }>({
    text: 'select entries from run_events where run_id = $1 order by first',
    values: [run_id],
  })
  return rows.flatMap((row) => row.entries.map(([event]) => event))
}

const deltas = (names: string[]) => names.filter((name) => name === 'thread.message.delta').length

/** Locks the row of a run, so that nothing about it is written until the returned function is called. */
async function holdRow(
  run_id: string,
  work: (tx: Queryable) => Promise<void> = async () => {},
): Promise<() => Promise<void>> {
  const locked = gate()
  const free = gate()
  const holding = server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from runs where id = $1 for update', values: [run_id] })
    await work(tx)
    locked.open()
    await free.promise
  })
  await locked.promise
  return async () => {
    free.open()
    await holding
  }
}

test('after a slow write the next text is written soon', async () => {
  const [isHeld, hold] = [gate(), gate()]
  server.model.script([{ text: ['Hel', 'lo'], before: isHeld.promise, delayMs: 20, hold: hold.promise }])
  const run = await reach(await start(await place()), 'in_progress')
  const release = await holdRow(run.id)
  isHeld.open()
  const isAnswering = () => server.model.open() === 1
  await eventually(isAnswering, 'the answer of the model')
  // Longer than the pause between two writes: the next one becomes due while the first is in progress.
  await new Promise((resolve) => setTimeout(resolve, 300))
  await release()
  await eventually(async () => deltas(await logged(run.id)) === 2, 'the second delta in the log')
  hold.open()
  expect((await reach(run, 'completed')).status).toBe('completed')
})

/** The row as a killed owner leaves it: another process recovers the run, here without a pause. */
async function orphan(run_id: string): Promise<void> {
  await server.db.query({
    text: `update runs set status = 'in_progress', required_action = null, lease_owner = 'worker_dead',
             claimable_at = '-infinity'
           where id = $1`,
    values: [run_id],
  })
}

test('a recovered step is closed when the run ends before the work on it continues', async () => {
  const store = await post('/vector_stores', { expires_after: { anchor: 'last_active_at', days: 1 } })
  server.model.script([{ calls: [{ name: 'get_time', arguments: '{}' }] }])
  const where = await place({
    tools: [timeTool, { type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  const run = await reach(await start(where), 'requires_action')
  await server.db.query({ text: 'update vector_stores set expires_at = 1 where id = $1', values: [store.id] })
  await orphan(run.id)
  expect((await reach(run, 'failed')).last_error.message).toContain('has expired')
  expect((await steps(run)).data.map((step: any) => step.status)).toEqual(['failed'])
  expect(await logged(run.id)).toEqual(
    expect.arrayContaining(['thread.run.step.failed', 'thread.run.failed']),
  )
  expect(server.complaints.splice(0)).toMatchObject([{ message: 'a run failed' }])
})

test('a cancel that the owner finds at a write, before any hint, ends the run as cancelled', async () => {
  const [isCancelled, hold] = [gate(), gate()]
  server.model.script([{ text: ['Hel', 'lo'], before: isCancelled.promise, hold: hold.promise }])
  const run = await reach(await start(await place()), 'in_progress')
  const release = await holdRow(run.id, async (tx) => {
    await tx.query({
      text: `update runs set status = 'cancelling', revision = revision + 1 where id = $1`,
      values: [run.id],
    })
  })
  isCancelled.open()
  await eventually(() => server.model.open() === 1, 'the answer')
  await release()
  await eventually(async () => deltas(await logged(run.id)) === 2, 'the deltas in the log')
  hold.open()
  await reach(run, 'cancelled')
  expect((await steps(run)).data.map((step: any) => step.status)).toEqual(['cancelled'])
})

/** Counts of the row, the time from which it may be claimed again, and the present time (Unix seconds). */
async function counts(run_id: string) {
  const [row] = await server.db.query<{
    recoveries: number
    losses: number
    claimable: number | null
    now: number
  }>({
    text: `select recoveries, losses, extract(epoch from clock_timestamp())::float8 as now,
             case when isfinite(claimable_at) then extract(epoch from claimable_at)::float8 end as claimable
           from runs where id = $1`,
    values: [run_id],
  })
  if (!row) throw new Error('expected the run')
  return row
}

test('text of a turn that was never recorded is removed when its run is recovered, and appears once', async () => {
  server.model.script([
    {
      text: 'Let me look.',
      calls: [{ name: 'get_time', arguments: ['{"a"', ':1}'] }],
      hold: new Promise(() => {}),
    },
    { text: 'Let me look.', calls: [{ name: 'get_time', arguments: '{}' }] },
  ])
  const where = await place({ tools: [timeTool] })
  const run = await start(where)
  await eventually(
    async () => (await logged(run.id)).includes('thread.run.step.delta'),
    'the call in the log',
  )
  expect((await messages(where.thread)).data).toHaveLength(2)
  await orphan(run.id)
  await reach(run, 'requires_action')
  const all = (await messages(where.thread)).data
  expect(all.map((message: any) => [message.status, message.content[0].text.value])).toEqual([
    ['completed', 'Hello'],
    ['completed', 'Let me look.'],
  ])
  expect((await steps(run)).data.map((step: any) => step.type)).toEqual(['message_creation', 'tool_calls'])
  const { data } = (await trace(run)).body
  expect(data.find((entry: any) => entry.kind === 'recovered').removed).toHaveLength(3)
  await post(`/threads/${run.thread_id}/runs/${run.id}/cancel`)
})

test('text of a turn that was recorded stays when its run is recovered', async () => {
  server.model.script([
    { text: 'Let me look.', calls: [{ name: 'get_time', arguments: '{}' }] },
    { text: 'It is late.', hold: new Promise(() => {}) },
    { text: 'It is late.' },
  ])
  const where = await place({ tools: [timeTool] })
  const run = await reach(await start(where), 'requires_action')
  const [call] = run.required_action.submit_tool_outputs.tool_calls
  const path = `/threads/${run.thread_id}/runs/${run.id}`
  await post(`${path}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: call.id, output: '10 pm' }] })
  await eventually(async () => deltas(await logged(run.id)) === 2, 'the second answer')
  await orphan(run.id)
  await reach(run, 'completed')
  const texts = (await messages(where.thread)).data.map((message: any) => message.content[0].text.value)
  expect(texts).toEqual(['Hello', 'Let me look.', 'It is late.'])
})

test('a refusal of a turn that was never recorded is removed as well', async () => {
  server.model.script([
    {
      refusal: 'I would rather not.',
      calls: [{ name: 'get_time', arguments: ['{', '}'] }],
      hold: new Promise(() => {}),
    },
    { text: 'Gladly.' },
  ])
  const where = await place({ tools: [timeTool] })
  const run = await start(where)
  await eventually(
    async () => (await logged(run.id)).includes('thread.run.step.delta'),
    'the call in the log',
  )
  await orphan(run.id)
  await reach(run, 'completed')
  const texts = (await messages(where.thread)).data.map((message: any) => JSON.stringify(message.content))
  expect(texts).toEqual([expect.stringContaining('Hello'), expect.stringContaining('Gladly.')])
})

test('losses while the model was silent do not count against a run', async () => {
  const silent = { text: 'x', before: new Promise(() => {}) }
  server.model.script([silent, silent, silent, silent, silent, { text: 'At last' }])
  const before = server.model.requests.length
  const run = await start(await place())
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    await eventually(() => server.model.requests.length === before + attempt, `request ${attempt}`)
    await orphan(run.id)
  }
  await reach(run, 'completed')
  expect(await counts(run.id)).toMatchObject({ losses: 0 })
  await eventually(() => server.model.open() === 0, 'the end of the requests of earlier attempts')
})

test('each recovery without progress makes the next one wait longer', async () => {
  server.model.script([
    ...Array.from({ length: 3 }, () => ({ text: 'x', before: new Promise(() => {}) })),
    { text: 'x' },
  ])
  const before = server.model.requests.length
  const run = await start(await place())
  /** Of each recovery: the pause in seconds as it was later, and as it would be from the loss of the worker on. */
  const pauses: { atLeast: number; atMost: number }[] = []
  let lostAt = 0
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await eventually(() => server.model.requests.length === before + attempt, `request ${attempt}`)
    const { claimable, now } = await counts(run.id)
    if (claimable !== null) pauses.push({ atLeast: claimable - now, atMost: claimable - lostAt })
    lostAt = now
    await orphan(run.id)
  }
  await reach(run, 'completed')
  expect(pauses).toHaveLength(2)
  const [first, second] = pauses
  expect(first?.atMost).toBeGreaterThan(2)
  expect(second?.atMost).toBeGreaterThan(2 * (first?.atLeast ?? 0))
})

test('a run is not claimed before the pause after its recovery has passed', async () => {
  await server.db.query({
    text: `insert into runs (id, project, thread_id, assistant_id, status, created_at, expires_at, metadata, settings,
                             event_count, lease_owner, attempt, recoveries, claimable_at)
           values ('run_paused', 'default', 'thread_paused', 'asst_1', 'in_progress', 1, 9000000000, '{}', '{}',
                   0, 'worker_dead', 1, 1, clock_timestamp() + interval '1 hour')`,
  })
  const claimable = await server.db.transaction((tx) => lockClaimableRuns(tx, 'worker_test', 100))
  expect(claimable.map(({ id }) => id)).not.toContain('run_paused')
  await server.db.query({ text: `delete from runs where id = 'run_paused'` })
})

test('runs of a killed worker do not wait as long as the clock of the database was set back', async () => {
  server.model.script([{ text: 'x', before: new Promise(() => {}) }, { text: 'At last' }])
  const before = server.model.requests.length
  const run = await start(await place())
  await eventually(() => server.model.requests.length > before, 'the request to the model')
  await server.db.query({
    text: `with dead as (insert into workers (id, expires_at)
                         values ('worker_killed', clock_timestamp() + interval '1 hour'))
           update runs set lease_owner = 'worker_killed' where id = $1`,
    values: [run.id],
  })
  await reach(run, 'completed')
  expect((await trace(run)).body.attempts).toBe(2)
})

test('runs of a worker that lives are not recovered when the clock of the database was set back', async () => {
  const hold = gate()
  server.model.script([{ text: 'x', before: hold.promise }])
  const run = await reach(await start(await place()), 'in_progress')
  await server.db.query({ text: `update workers set expires_at = clock_timestamp() + interval '1 hour'` })
  await eventually(async () => {
    const late = `select 1 from workers where expires_at > clock_timestamp() + interval '1 minute'`
    return (await server.db.query({ text: late })).length === 0
  }, 'shorter leases')
  hold.open()
  await reach(run, 'completed')
  expect((await trace(run)).body.attempts).toBe(1)
})

test('a released run is recovered at once, and no loss is counted', async () => {
  server.model.script([{ text: 'Hel', hold: new Promise(() => {}) }, { text: 'Hello' }])
  const run = await start(await place())
  await eventually(async () => deltas(await logged(run.id)) === 1, 'the first answer')
  await server.db.query({ text: 'update runs set lease_owner = null where id = $1', values: [run.id] })
  await reach(run, 'completed')
  expect(await counts(run.id)).toMatchObject({ recoveries: 0, losses: 0 })
})

test('a run that is recovered three times without progress fails, and its trace says why', async () => {
  server.model.script(Array.from({ length: 4 }, () => ({ text: 'Hel', hold: new Promise(() => {}) })))
  const run = await start(await place())
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await eventually(async () => deltas(await logged(run.id)) === attempt, `the answer of attempt ${attempt}`)
    expect((await trace(run)).body.attempts).toBe(attempt)
    await orphan(run.id)
  }
  const failed = await reach(run, 'failed')
  expect(failed.last_error).toEqual({ code: 'server_error', message: 'Sorry, something went wrong.' })
  const { body } = await trace(run)
  expect(body.attempts).toBe(4)
  expect(JSON.stringify(body.data.at(-1))).toMatch(/lost its worker 4 times/)
})

test('a cancel whose hint was lost is obeyed while the model is silent', async () => {
  server.model.script([{ text: 'too late', before: new Promise(() => {}) }])
  const run = await start(await place())
  await eventually(() => server.model.requests.length > 0, 'the request to the model')
  await server.db.query({ text: `update runs set status = 'cancelling' where id = $1`, values: [run.id] })
  expect((await reach(run, 'cancelled')).cancelled_at).not.toBeNull()
})

test('a run whose rows the database refuses does not fail the runs of the same write', async () => {
  await server.db.query({
    text: `alter table messages add constraint refuse_some check (content::text not like '%REFUSED%')`,
  })
  const open = gate()
  const answers = new Map([
    ['first', { text: ['a', 'b'], before: open.promise }],
    ['refused', { text: 'REFUSED', before: open.promise }],
    ['accepted', { text: 'fine', before: open.promise }],
  ])
  server.model.whenever((body) => {
    const { content } = body.messages.at(-1)
    const answer = answers.get(content) ?? { text: 'fine now' }
    answers.delete(content)
    return answer
  })
  const assistant = await post('/assistants', { model: 'gpt-4o' })
  const ask = (content: string) =>
    post('/threads/runs', {
      assistant_id: assistant.id,
      thread: { messages: [{ role: 'user', content }] },
    })
  const [first, refused, accepted] = [await ask('first'), await ask('refused'), await ask('accepted')]
  await eventually(() => answers.size === 0, 'three requests to the model')
  // While the write of the first run waits for this lock, what the two others do is collected for the next write.
  const release = await holdRow(first.id)
  const before = server.model.requests.length
  open.open()
  await eventually(() => server.model.open() === 0, 'the answers')
  // The server has had its turns: it answers requests that came later.
  for (const run of [refused, accepted]) await trace(run)
  await release()
  for (const run of [first, refused, accepted]) await reach(run, 'completed')
  expect((await trace(accepted)).body.attempts).toBe(1)
  expect((await trace(refused)).body.attempts).toBe(2)
  expect(server.model.requests.length).toBe(before + 1)
  server.model.whenever(undefined)
  await server.db.query({ text: 'alter table messages drop constraint refuse_some' })
  expect(server.complaints.splice(0)).toMatchObject([{ message: 'a run could not be written' }])
})
