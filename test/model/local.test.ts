import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLocalModel, type LocalModel } from '../../src/models/local/local-model.ts'
import type { ChatRequest, ChatTool, ModelFailure } from '../../src/models/port.ts'
import {
  callsOf,
  chatModelContract,
  collect,
  disorder,
  neverAborted,
  textOf,
} from '../contracts/chat-model.ts'
import { realModel } from './real-model.ts'

let local: LocalModel

beforeAll(() => {
  local = openLocalModel({ type: 'local', ...realModel(), context_size: 2_048, sequences: 2 })
})
afterAll(() => local.close())

const say = (content: string, rest: Partial<ChatRequest> = {}): ChatRequest => ({
  model: 'smollm2',
  messages: [{ role: 'user', content }],
  temperature: 0,
  ...rest,
})
/** A question that this model answers with one short sentence; after most others it repeats itself endlessly. */
const greeting = 'Say hello in five words.'
const ask = (request: ChatRequest) => collect(local.stream(request, neverAborted()))
const weather: ChatTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { enum: ['Rome', 'Oslo'] }, days: { type: 'integer' } },
      required: ['city', 'days'],
    },
  },
}

chatModelContract('local', () => ({
  chat: local,
  model: 'smollm2',
  text: (words) => say(words > 10 ? 'Tell me a long story about the sea.' : greeting),
  // A small model cannot be made to call two functions at once; one forced call is tested below.
  failing: () => ({
    model: 'smollm2',
    messages: [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
    ],
  }),
  stopped: () => local.idle(),
}))

describe('a real model', () => {
  test('counts the tokens of earlier turns that it need not read again', async () => {
    const first = say(greeting)
    const answer = await ask(first)
    const second = await ask({
      ...first,
      max_completion_tokens: 20,
      messages: [
        ...first.messages,
        { role: 'assistant', content: textOf(answer) },
        { role: 'user', content: 'Say it again.' },
      ],
    })
    const [before, after] = [answer.at(-1), second.at(-1)]
    if (before?.type !== 'end' || after?.type !== 'end') throw new Error('no end')
    expect(after.usage.prompt_tokens).toBeGreaterThan(before.usage.prompt_tokens)
    expect(after.usage.cached_tokens).toBeGreaterThan(0)
    expect(after.usage.cached_tokens).toBeLessThan(after.usage.prompt_tokens)
  })

  test('is cut after exactly as many tokens as it may make', async () => {
    const end = (await ask(say('Tell me a long story.', { max_completion_tokens: 7 }))).at(-1)
    expect(end).toMatchObject({ type: 'end', finish_reason: 'length', usage: { completion_tokens: 7 } })
  })

  test('that repeats itself ends where its context does', async () => {
    const small = openLocalModel({ type: 'local', ...realModel(), context_size: 256 })
    const end = (await collect(small.stream(say('Tell me a long story.'), neverAborted()))).at(-1)
    await small.close()
    if (end?.type !== 'end') throw new Error('no end')
    expect(end.finish_reason).toBe('length')
    expect(end.usage.prompt_tokens + end.usage.completion_tokens).toBe(256)
  })

  test('refuses a prompt that is longer than its context', async () => {
    await expect(ask(say('word '.repeat(3_000)))).rejects.toMatchObject({
      code: 'invalid_prompt',
      message: expect.stringMatching(/maximum context length is 2048 tokens.*resulted in 30\d\d tokens/),
    })
  })

  test('keeps to a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 20 }, inhabitants: { type: 'integer' } },
      required: ['city', 'inhabitants'],
      additionalProperties: false,
    }
    const parts = await ask(
      say('Name a city.', {
        response_format: { type: 'json_schema', json_schema: { name: 'city', schema } },
      }),
    )
    const made = JSON.parse(textOf(parts)) as object
    expect(Object.keys(made)).toEqual(['city', 'inhabitants'])
    expect(parts.filter(({ type }) => type === 'text-delta').length).toBeGreaterThan(1)
  })

  test.for(['required', { type: 'function', function: { name: 'get_weather' } }] as const)(
    'calls a function when tool_choice is %j',
    async (tool_choice) => {
      const parts = await ask(say('How is the weather in Oslo?', { tools: [weather], tool_choice }))
      expect(disorder(parts)).toEqual([])
      expect(parts.at(-1)).toMatchObject({ finish_reason: 'tool_calls' })
      const [call] = callsOf(parts)
      expect(call?.name).toBe('get_weather')
      const made = JSON.parse(call?.arguments ?? '') as { city: string; days: number }
      expect(['Rome', 'Oslo']).toContain(made.city)
      expect(Number.isInteger(made.days)).toBe(true)
    },
  )

  test('goes on after the outputs of calls, with functions still there', async () => {
    const parts = await ask({
      ...say('How is the weather in Oslo?', { tools: [weather], max_completion_tokens: 40 }),
      messages: [
        { role: 'system', content: 'You tell the weather.' },
        { role: 'user', content: 'How is the weather in Oslo?' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'a',
              type: 'function',
              function: { name: 'get_weather', arguments: '{"city":"Oslo","days":1}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: 'Snow, -3 degrees.' },
      ],
    })
    expect(disorder(parts)).toEqual([])
    expect(textOf(parts)).not.toBe('')
  })

  test('a schema with tools at hand is refused with a reason', async () => {
    const failure = ask(say('Hi', { tools: [weather], response_format: { type: 'json_object' } }))
    await expect(failure).rejects.toMatchObject({ name: 'ModelFailure', code: 'invalid_prompt' })
  })

  test('more questions than sequences wait for their turn and are all answered', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(say(greeting))))
    for (const parts of answers) expect(textOf(parts)).toBe(textOf(answers[0]!))
  })

  test('a question that is called off while it waits leaves the line', async () => {
    const controller = new AbortController()
    const busy = [1, 2].map(() => ask(say('Count to twenty.', { max_completion_tokens: 30 })))
    const waiting = collect(local.stream(say(greeting), controller.signal))
    controller.abort(new Error('never mind'))
    await expect(waiting).rejects.toThrow('never mind')
    await Promise.all(busy)
    await local.idle()
    expect(textOf(await ask(say(greeting)))).not.toBe('')
  })
})

describe('its process', () => {
  test('stops generating within a token or two of the abort', async () => {
    const controller = new AbortController()
    const request = say('Tell me a long story about the sea.')
    const whole = (await ask({ ...request, max_completion_tokens: 60 })).length
    let read = 0
    const reading = (async () => {
      for await (const _ of local.stream(request, controller.signal)) {
        read += 1
        if (read === 3) controller.abort(new Error('enough'))
      }
    })()
    await expect(reading).rejects.toThrow('enough')
    await local.idle()
    expect(whole).toBeGreaterThan(40)
    expect(local.abandonedParts()).toBeLessThanOrEqual(2)
  })

  test('that is killed fails its answers, and the next question starts it again', async () => {
    const before = childrenNamed('local-child')
    const fresh = openLocalModel({ type: 'local', ...realModel(), context_size: 512 })
    const failure = (async () => {
      for await (const _ of fresh.stream(say('Tell me a long story.'), neverAborted())) {
        for (const pid of childrenNamed('local-child'))
          if (!before.includes(pid)) process.kill(pid, 'SIGKILL')
      }
    })()
    await expect(failure).rejects.toMatchObject({ name: 'ModelFailure', code: 'server_error' })
    expect(textOf(await collect(fresh.stream(say(greeting), neverAborted())))).not.toBe('')
    await fresh.close()
    await expect.poll(() => childrenNamed('local-child')).toEqual(before)
  })

  test('that cannot load the file is a failure that names the reason for the log only', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'spool-')), 'broken.gguf')
    writeFileSync(path, 'this is no model')
    const broken = openLocalModel({ type: 'local', ...realModel(), path })
    const failure = (await collect(broken.stream(say('Hi'), neverAborted())).catch(
      (error: unknown) => error,
    )) as ModelFailure
    expect(failure).toMatchObject({ name: 'ModelFailure', message: 'Sorry, something went wrong.' })
    expect(String((failure.cause as Error).message)).toMatch(/GGUF/)
    await broken.close()
  })
})

/** Processes below this one whose command names the file. */
function childrenNamed(name: string): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  return lines
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((row) => row !== null && Number(row[2]) === process.pid && row[3]!.includes(name))
    .map((row) => Number(row![1]))
}
