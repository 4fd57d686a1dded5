import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { AnswerReader } from './answer-reader.ts'
import { OpenAiAnswer } from './answer.ts'
import { TokenBatches } from './token-batches.ts'

const token = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' } }] })}\n\n`

test('a provider that is faster than the reader of its answer is paused, and goes on when the reader reads', async () => {
  const body = new PassThrough()
  const { signal } = new AbortController()
  const answer = new OpenAiAnswer((text) => text)
  const reader = new AnswerReader(body as unknown as IncomingMessage, {
    answer,
    batches: new TokenBatches(),
    signal,
  })
  for (let round = 0; round < 2; round += 1) {
    body.write(token.repeat(2000))
    await new Promise(setImmediate)
    expect(body.isPaused()).toBe(false)
    body.write(token)
    await new Promise(setImmediate)
    expect(body.isPaused()).toBe(true)
    expect(await reader.next()).toHaveLength(2001)
    expect(body.isPaused()).toBe(false)
  }
  reader.close()
})

test.for([
  ['text', { content: 'a' }],
  ['a refusal', { refusal: 'a' }],
  ['a call', { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '1' } }] }],
] as const)(
  'a server that sends a finish_reason with every chunk of %s is read to its end',
  async ([, delta]) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const body = new PassThrough()
      const { signal } = new AbortController()
      const reader = new AnswerReader(body as unknown as IncomingMessage, {
        answer: new OpenAiAnswer((text) => text),
        batches: new TokenBatches(),
        signal,
      })
      const chunk = `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: 'stop' }] })}\n\n`
      for (let second = 0; second < 5; second += 1) {
        body.write(chunk)
        await new Promise(setImmediate)
        expect(await reader.next()).toBeDefined()
        vi.advanceTimersByTime(1_000)
      }
      // A comment does not keep the answer open.
      body.write(': keep-alive\n\n')
      await new Promise(setImmediate)
      vi.advanceTimersByTime(1_000)
      expect(await reader.next()).toBeUndefined()
      reader.close()
    } finally {
      vi.useRealTimers()
    }
  },
)
