import { expect, test } from 'vitest'
import { statusFailure } from './failure.ts'

const failure = (status: number, headers: Record<string, string> = {}, body = '{}') =>
  statusFailure(status, headers, body, (text) => text)

test.for([
  [{ 'retry-after': '2' }, 2_000],
  [{ 'retry-after': '0.5' }, 500],
  [{ 'retry-after': '30', 'retry-after-ms': '12' }, 12],
  [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, undefined],
  [{}, undefined],
] as [Record<string, string>, number | undefined][])('%j means a wait of %s ms', ([headers, waitMs]) => {
  expect(failure(429, headers).waitMs).toBe(waitMs)
})

test('a date in the future is a wait until then', () => {
  const waitMs = failure(503, { 'retry-after': new Date(Date.now() + 40_000).toUTCString() }).waitMs
  expect(waitMs).toBeGreaterThan(30_000)
  expect(waitMs).toBeLessThanOrEqual(40_000)
})

test.for([408, 409, 429, 500, 502, 529])('%i may be tried again', (status) => {
  expect(failure(status).mayRetry).toBe(true)
})

test.for([301, 400, 401, 402, 404, 422])('%i is final', (status) => {
  expect(failure(status).mayRetry).toBe(false)
})

test("an empty quota is not retried, and the failure has the server's message", () => {
  const body = JSON.stringify({ error: { message: 'No money left.', code: 'insufficient_quota' } })
  expect(failure(429, {}, body)).toMatchObject({
    mayRetry: false,
    code: 'rate_limit_exceeded',
    message: 'No money left.',
  })
})

test.for([
  ['OpenAI', '{"error":{"message":"no"}}'],
  ['Ollama', '{"error":"no"}'],
  ['FastAPI', '{"detail":"no"}'],
  ['older vLLM', '{"object":"error","message":"no","code":400}'],
  ['Gemini', '[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]'],
])("the message in %s's form of an error is found", ([, body]) => {
  expect(failure(400, {}, body)).toMatchObject({ code: 'invalid_prompt', message: 'no' })
})

test.for(['null', '[]', '{"error":null}', '{"error":{"message":5}}', '<html>', ''])(
  '%s is a failure without a message of the server',
  (body) => {
    expect(failure(400, {}, body).message).toBe("The model's provider refused the request (HTTP 400).")
  },
)
