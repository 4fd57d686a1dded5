import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
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
