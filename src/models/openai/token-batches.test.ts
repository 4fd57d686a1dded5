import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ModelPart } from '../port.ts'
import { AnswerReader } from './answer-reader.ts'
import { OpenAiAnswer } from './answer.ts'
import { TokenBatches } from './token-batches.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const token = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
const finish = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`

/** Opens answers of one server, and returns the first one. */
function open(count: number) {
  const batches = new TokenBatches()
  const answers = Array.from({ length: count }, () => {
    const body = new PassThrough()
    const answer = new OpenAiAnswer((text) => text)
    const stop = new AbortController()
    const { signal } = stop
    const reader = new AnswerReader(body as unknown as IncomingMessage, { answer, batches, signal })
    return { body, reader, stop }
  })
  const [first] = answers as [(typeof answers)[number]]
  return { ...first, close: () => answers.forEach(({ reader }) => reader.close()) }
}

const textOf = (parts: ModelPart[] | undefined) =>
  parts?.map((part) => (part.type === 'text-delta' ? part.text : part.type)).join('|')

/** Writes tokens one after another, each of them read by the parser before the next. */
async function write(body: PassThrough, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    body.write(text)
    await new Promise(setImmediate)
  }
}

test('of few answers each token is passed on at once', async () => {
  const { body, reader, close } = open(63)
  for (const text of ['a', 'b', 'c']) {
    await write(body, token(text))
    expect(textOf(await reader.next())).toBe(text)
  }
  close()
})

test('of many answers the first token is passed on at once, and those that follow within 40 ms as one part', async () => {
  const { body, reader, close } = open(64)
  await write(body, token('a'))
  expect(textOf(await reader.next())).toBe('a')
  for (const texts of [['b', 'c', 'd'], ['e', 'f', 'g', 'h'], ['i']]) {
    const next = reader.next()
    await write(body, ...texts.map(token))
    vi.advanceTimersByTime(50)
    expect(textOf(await next)).toBe(texts.join(''))
  }
  close()
  vi.advanceTimersByTime(50)
  expect(vi.getTimerCount()).toBe(0)
})

test.each([
  [64, 40],
  [200, 100],
  [600, 120],
])('with %i answers the tokens of %i ms are passed on as one part', async (count, waitMs) => {
  const { body, reader, close } = open(count)
  await write(body, token('a'))
  await reader.next()
  let passed: string | undefined
  const next = reader.next().then((parts) => (passed = textOf(parts)))
  await write(body, token('b'))
  vi.advanceTimersByTime(waitMs - 10)
  await write(body, token('c'))
  expect(passed).toBeUndefined()
  vi.advanceTimersByTime(20)
  await next
  expect(passed).toBe('bc')
  close()
})

test('the end, a failure and an abort of one of many answers do not wait', async () => {
  const ends: [(answer: ReturnType<typeof open>) => unknown, RegExp | undefined][] = [
    [({ body }) => body.write(finish), undefined],
    [({ body }) => body.write('data: {"error":{"message":"broken"}}\n\n'), /went wrong/],
    [({ stop }) => stop.abort(new Error('stopped')), /stopped/],
  ]
  for (const [end, failure] of ends) {
    const answer = open(64)
    const { body, reader, close } = answer
    await write(body, token('a'))
    await reader.next()
    await write(body, token('b'))
    end(answer)
    expect(textOf(await reader.next())).toBe('b')
    body.end()
    if (failure) await expect(reader.next()).rejects.toThrow(failure)
    else expect(await reader.next()).toBeUndefined()
    close()
  }
})

test('a timer that fires after its batch was passed on has no effect', async () => {
  const { body, reader, close } = open(64)
  await write(body, token('a'))
  await reader.next()
  await write(body, token('b'), finish)
  expect(textOf(await reader.next())).toBe('b')
  const next = reader.next()
  vi.advanceTimersByTime(50)
  await new Promise(setImmediate)
  await write(body, token('c'))
  expect(textOf(await next)).toBe('c')
  close()
})

test('parts that follow before the reader has taken the first ones do not delay them', async () => {
  const { body, reader, close } = open(64)
  await write(body, token('a'), token('b'), token('c'))
  expect(textOf(await reader.next())).toBe('abc')
  close()
})
