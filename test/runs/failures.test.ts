import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import type { ScriptedStep } from '../harness/scripted-model.ts'
import { expectObject } from '../harness/shapes.ts'
import { stories, timeTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, place, rest, runToRest, waitingRun, steps, messages } = stories(() => server)
const now = () => Math.floor(server.clock.nowMs() / 1000)

/** Takes out the one complaint that a failed run leaves in the log. */
function expectOneComplaint(run: any): void {
  expect(server.complaints.splice(0)).toMatchObject([
    { message: 'a run failed', fields: { run_id: run.id, code: run.last_error.code } },
  ])
}

const final = { 'x-should-retry': 'false' }
const sorry = 'Sorry, something went wrong.'
const quota =
  'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.'
const rate =
  'Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 1, Used 1, Requested 1. Please try again in 1.3s.'

const early: [string, ScriptedStep, { code: string; message: string }][] = [
  [
    'a rate limit',
    { status: 429, headers: final, body: { error: { message: rate, code: 'rate_limit_exceeded' } } },
    { code: 'rate_limit_exceeded', message: rate },
  ],
  [
    'an empty purse',
    { status: 429, body: { error: { message: quota, code: 'insufficient_quota' } } },
    { code: 'rate_limit_exceeded', message: quota },
  ],
  [
    'a prompt that is too long',
    { status: 400, body: { error: { message: 'Too long.', code: 'context_length_exceeded' } } },
    { code: 'invalid_prompt', message: 'Too long.' },
  ],
  [
    'an unknown model',
    { status: 404, body: { error: { message: 'No such model.' } } },
    { code: 'invalid_prompt', message: 'No such model.' },
  ],
  [
    'a server error',
    { status: 500, headers: final, body: { error: { message: 'secret trace' } } },
    { code: 'server_error', message: sorry },
  ],
  ['an HTML page', { status: 502, headers: final, body: '<html>' }, { code: 'server_error', message: sorry }],
]

test.each(early)(
  '%s before the first token fails the run, with no step and no message',
  async (_, step, error) => {
    server.model.script([step])
    const where = await place()
    const run = await runToRest(where)
    expectObject('run', run)
    expect(run).toMatchObject({
      status: 'failed',
      failed_at: now(),
      started_at: now(),
      expires_at: null,
      completed_at: null,
      cancelled_at: null,
      incomplete_details: null,
      last_error: error,
    })
    expect((await steps(run)).data).toEqual([])
    expect((await messages(where.thread)).data).toHaveLength(1)
    expectOneComplaint(run)
  },
)

test("a refusal of the provider's credentials does not show them to the client", async () => {
  server.model.script([
    { status: 401, body: { error: { message: 'Incorrect API key provided: upstream-key' } } },
  ])
  const run = await runToRest(await place())
  expect(run.last_error.message).not.toContain('upstream-key')
  expectOneComplaint(run)
})

test('a request is retried after the short wait that a rate limit demands', async () => {
  server.model.script([
    { status: 429, headers: { 'retry-after-ms': '1' }, body: { error: { message: rate } } },
    { status: 503, headers: { 'retry-after-ms': '1' } },
    { text: 'At last' },
  ])
  const run = await runToRest(await place())
  expect(run).toMatchObject({ status: 'completed', last_error: null })
})

const chunk = (delta: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`

const late: [string, ScriptedStep, string][] = [
  ['a cut connection', { cut: true, text: ['Hel', 'lo'] }, 'server_error'],
  ['junk', { raw: [chunk({ content: 'Hel' }), chunk({ content: 'lo' }), 'data: {junk\n\n'] }, 'server_error'],
  ['an end without a finish', { raw: [chunk({ content: 'Hel' }), chunk({ content: 'lo' })] }, 'server_error'],
  [
    'an error inside the stream',
    {
      raw: [
        chunk({ content: 'Hel' }),
        chunk({ content: 'lo' }),
        `data: ${JSON.stringify({ error: { message: rate, code: 'rate_limit_exceeded' } })}\n\n`,
      ],
    },
    'rate_limit_exceeded',
  ],
  [
    'a refused prompt inside the stream',
    {
      raw: [
        chunk({ content: 'Hello' }),
        `data: ${JSON.stringify({ error: { message: 'Bad image', code: 'invalid_request_error' } })}\n\n`,
      ],
    },
    'invalid_prompt',
  ],
]

test.each(late)('%s in mid-answer fails run and step, and keeps the text', async (_, step, code) => {
  server.model.script([step])
  const where = await place()
  const run = await runToRest(where)
  expect(run).toMatchObject({ status: 'failed', failed_at: now(), expires_at: null, last_error: { code } })
  const [failed, ...others] = (await steps(run)).data
  expect(others).toEqual([])
  expectObject('step', failed)
  expect(failed).toMatchObject({
    status: 'failed',
    failed_at: now(),
    completed_at: null,
    expires_at: run.created_at + 600,
    last_error: {
      code: code === 'rate_limit_exceeded' ? code : 'server_error',
      message: run.last_error.message,
    },
  })
  const [, message] = (await messages(where.thread)).data
  expectObject('message', message)
  expect(message).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'run_failed' },
    incomplete_at: now(),
    completed_at: null,
    content: [{ text: { value: 'Hello' } }],
  })
  expectOneComplaint(run)
})

test("a failure in the second turn keeps the first one's step and its usage", async () => {
  const { run, path } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  server.model.script([{ status: 400, body: { error: { message: 'No.' } } }])
  await post(`${path}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }] })
  const done = await rest(run)
  expect(done).toMatchObject({ status: 'failed', usage: { prompt_tokens: 10, completion_tokens: 2 } })
  expect((await steps(run)).data.map((step: any) => step.status)).toEqual(['completed'])
  expectOneComplaint(done)
})

test('a cut in the middle of a call fails the step, and no call waits', async () => {
  server.model.script([{ cut: true, calls: [{ id: 'call_1', name: 'get_time', arguments: ['{"a', '":'] }] }])
  const run = await runToRest(await place({ tools: [timeTool] }))
  expect(run).toMatchObject({ status: 'failed', required_action: null })
  const [step] = (await steps(run)).data
  expect(step).toMatchObject({ type: 'tool_calls', status: 'failed' })
  expectOneComplaint(run)
})

test('a failed run leaves its thread open for the next one, which does not repeat the broken answer', async () => {
  server.model.script([{ cut: true, text: ['Bro'] }, { text: 'Whole' }])
  const where = await place()
  const failed = await runToRest(where)
  expectOneComplaint(failed)
  const next = await runToRest(where, { additional_messages: [{ role: 'user', content: 'Again' }] })
  expect(next.status).toBe('completed')
})

test('a call that was incomplete when the connection broke is shown in the failed step', async () => {
  server.model.script([
    { cut: true, calls: [{ id: 'call_1', name: 'get_time', arguments: ['{"zone":', '"U'] }] },
  ])
  const run = await runToRest(await place({ tools: [timeTool] }))
  expect(run.status).toBe('failed')
  expectOneComplaint(run)
  const [step] = (await steps(run)).data
  expect(step).toMatchObject({
    status: 'failed',
    step_details: {
      tool_calls: [{ id: 'call_1', function: { name: 'get_time', arguments: '{"zone":"U', output: null } }],
    },
  })
})
