import { describe, expect, test } from 'vitest'
import { demoModel } from '../../src/models/demo/demo-model.ts'
import type { ChatMessage, ChatRequest, ChatTool, ModelPart } from '../../src/models/port.ts'
import {
  callsOf,
  chatModelContract,
  disorder,
  collect,
  neverAborted,
  textOf,
} from '../contracts/chat-model.ts'

const chat = demoModel()
const tool = (name: string, parameters: object = { type: 'object', properties: {} }): ChatTool => ({
  type: 'function',
  function: { name, parameters },
})
const weather = tool('get_weather', {
  type: 'object',
  properties: { city: { type: 'string' }, unit: { enum: ['c', 'f'] } },
  required: ['city', 'unit'],
})
const fileSearch = tool('file_search')
const python = tool('code_interpreter')

interface Answer {
  parts: ModelPart[]
  text: string
  calls: { name: string; arguments: string; id: string }[]
  finish: string
}

async function ask(
  content: string,
  rest: Partial<ChatRequest> = {},
  later: ChatMessage[] = [],
): Promise<Answer> {
  const messages: ChatMessage[] = [{ role: 'user', content }, ...later]
  const parts = await collect(chat.stream({ model: 'demo', messages, ...rest }, neverAborted()))
  expect(disorder(parts)).toEqual([])
  const end = parts.at(-1)
  return {
    parts,
    text: textOf(parts),
    calls: callsOf(parts),
    finish: end?.type === 'end' ? end.finish_reason : 'none',
  }
}

/** The messages of a finished turn of calls. */
function outputs(answer: Answer, ...contents: string[]): ChatMessage[] {
  const tool_calls = answer.calls.map(({ id, name, arguments: text }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: text },
  }))
  return [
    { role: 'assistant', content: answer.text || null, tool_calls },
    ...contents.map((content, index) => ({
      role: 'tool' as const,
      tool_call_id: tool_calls[index]!.id,
      content,
    })),
  ]
}

chatModelContract('demo', () => {
  const request = (content: string): ChatRequest => ({ model: 'demo', messages: [{ role: 'user', content }] })
  return {
    chat,
    model: 'demo',
    text: (words) => request(`say ${'word '.repeat(words)}${words > 100 ? '\nslow 5' : ''}`),
    calls: (calls) =>
      request(calls.map((call) => `call ${call.name} ${JSON.stringify(call.arguments)}`).join('\n')),
    failing: () => request('fail server_error'),
    stopped: async () => {},
  }
})

describe('without a directive', () => {
  test('it says that it is the demo model and repeats the question, word by word, each time the same', async () => {
    const answer = await ask('What is 2+2?')
    expect(answer.text).toMatch(/demo model.*“What is 2\+2\?”/)
    expect(answer.parts.length).toBeGreaterThan(10)
    expect((await ask('What is 2+2?')).text).toBe(answer.text)
  })

  test('sentences that begin like a directive are not directives', async () => {
    for (const text of [
      'python is a language',
      'search me',
      'call me maybe',
      'slow down',
      'fail gracefully',
      'Say it',
    ]) {
      expect((await ask(text)).text).toContain(`“${text}”`)
    }
  })

  test('it says that it cannot see images', async () => {
    const image = { type: 'image_url' as const, image_url: { url: 'https://example.com/a.png' } }
    const messages: ChatMessage[] = [{ role: 'user', content: [{ type: 'text', text: 'Look' }, image] }]
    expect(textOf(await collect(chat.stream({ model: 'demo', messages }, neverAborted())))).toMatch(
      /“Look” With an image/,
    )
  })

  test('it searches the files for the words of the user, and quotes the best sentence with its mark', async () => {
    const first = await ask('How long do cats sleep?', { tools: [fileSearch, weather] })
    expect(first.calls.map(({ name, arguments: text }) => [name, JSON.parse(text)])).toEqual([
      ['file_search', { queries: ['How long do cats sleep?'] }],
    ])
    const found =
      '【4:0†cats.txt】\nCats sleep for most of the day. They need thirteen to sixteen hours of sleep. More.\n\n【4:1†dogs.txt】\nDogs bark.'
    const second = await ask('How long do cats sleep?', { tools: [fileSearch] }, outputs(first, found))
    expect(second.text).toBe(
      'Cats sleep for most of the day. They need thirteen to sixteen hours of sleep. 【4:0†cats.txt】',
    )
    expect(second.finish).toBe('stop')
    const answer = async (question: string, passages: string) =>
      (await ask(question, { tools: [fileSearch] }, outputs(first, passages))).text
    expect(
      await answer(
        'When is the bakery open on Sundays?',
        '【4:0†a.md】\n# Bakery\n\nWe bake with rye and wheat, and every loaf rests for a night.\n\n' +
          'Opening hours are from six to noon on Sundays, and the\nbakery is closed on Mondays.\n\n【4:1†b.md】\nSundays are for rest.',
      ),
    ).toBe('Opening hours are from six to noon on Sundays, and the bakery is closed on Mondays. 【4:0†a.md】')
    expect(
      await answer(
        'How long is the warranty?',
        '【4:0†faq.md】\n- How long is the warranty?\n- It lasts for three years from the day on which the device was delivered.',
      ),
    ).toBe('It lasts for three years from the day on which the device was delivered. 【4:0†faq.md】')
    expect((await ask('How?', { tools: [fileSearch] }, outputs(first, 'No results.'))).text).toMatch(
      /found nothing/,
    )
  })

  test.each([
    ['Who is the president of France?', 'I found nothing'],
    ['hello', 'I found nothing'],
    ['What is it about?', 'I found nothing'],
    ['What is the fee?', 'The fee is two crowns.'],
    ['Qual è la luce del faro?', 'La luce del faro è bianca.'],
    ['灯塔有多高？', '灯塔高四十一米。'],
  ])(
    'asked %s, it answers from the files only when a sentence shares a word of the subject',
    async (question, answer) => {
      const first = await ask(question, { tools: [fileSearch] })
      const found =
        '【4:0†a.md】\nIt is open from ten to three, and who is in the tower may stay.\n\nThe fee is two crowns.\n\n' +
        'La luce del faro è bianca.\n\n灯塔高四十一米。'
      const { text } = await ask(question, { tools: [fileSearch] }, outputs(first, found))
      expect(text?.startsWith(answer)).toBe(true)
    },
  )
})

describe('directives', () => {
  test('say repeats its text', async () => {
    const answer = await ask('say Hello, brave  new world!\nignored\nsay Bye')
    expect(answer.text).toBe('Hello, brave  new world!\nBye')
  })

  test('calls on several lines are made at once, and their outputs are quoted', async () => {
    const script = 'call get_weather {"city":"Rome", "unit": "c"}\npython 1+1\nsearch cats and dogs'
    const tools = [weather, python, fileSearch]
    const first = await ask(script, { tools })
    expect(first.calls.map(({ name, arguments: text }) => [name, text])).toEqual([
      ['get_weather', '{"city":"Rome", "unit": "c"}'],
      ['code_interpreter', '{"code":"1+1"}'],
      ['file_search', '{"queries":["cats and dogs"]}'],
    ])
    expect(first.finish).toBe('tool_calls')
    const second = await ask(script, { tools }, outputs(first, '{"temp":22}', '2', '【4:0†a.txt】\nCats.'))
    expect(second.text).toBe(
      'get_weather answered: {"temp":22}\ncode_interpreter answered: 2\nCats. 【4:0†a.txt】',
    )
  })

  test('without parallel calls each turn makes one call', async () => {
    const script = 'call a {}\ncall b {}'
    const rest = { parallel_tool_calls: false }
    const first = await ask(script, rest)
    expect(first.calls.map(({ name }) => name)).toEqual(['a'])
    const second = await ask(script, rest, outputs(first, '1'))
    expect(second.calls.map(({ name }) => name)).toEqual(['b'])
    const third = await ask(script, rest, [...outputs(first, '1'), ...outputs(second, '2')])
    expect(third.text).toBe('a answered: 1\nb answered: 2')
  })

  test('text between calls starts a new turn', async () => {
    const script = 'say Looking.\ncall a {}\nsay Found.\ncall b {}\nsay Done.'
    const first = await ask(script)
    expect([first.text, first.calls.length]).toEqual(['Looking.', 1])
    const second = await ask(script, {}, outputs(first, '1'))
    expect([second.text, second.calls[0]?.name]).toEqual(['Found.', 'b'])
    const third = await ask(script, {}, [...outputs(first, '1'), ...outputs(second, '2')])
    expect([third.text, third.finish]).toEqual(['Done.', 'stop'])
  })

  test('a new question starts a new script, whatever was called before', async () => {
    const first = await ask('call a {}')
    const later: ChatMessage[] = [
      ...outputs(first, '1'),
      { role: 'assistant', content: 'a answered: 1' },
      { role: 'user', content: 'call a {}' },
    ]
    expect((await ask('call a {}', {}, later)).calls).toHaveLength(1)
  })

  test('broken arguments and unknown functions can be called', async () => {
    expect((await ask('call nowhere {"x": ')).calls[0]).toMatchObject({ name: 'nowhere', arguments: '{"x":' })
  })

  test('a fence that is never closed is plain text', async () => {
    const openings = 'python\n```py\n'.repeat(20_000)
    expect((await ask(`${openings}1+1`, { tools: [python] })).calls).toEqual([])
  })

  test('python takes a fenced block', async () => {
    const { calls } = await ask('python\n```py\nfor i in range(2):\n    print(i)\n```', { tools: [python] })
    expect(JSON.parse(calls[0]!.arguments)).toEqual({ code: 'for i in range(2):\n    print(i)' })
  })

  test.for(['server_error', 'rate_limit_exceeded', 'invalid_prompt'])(
    'fail %s fails with this code, after the text before it',
    async (code) => {
      const parts: ModelPart[] = []
      const reading = async () => {
        const messages: ChatMessage[] = [{ role: 'user', content: `say Well\nfail ${code}` }]
        for await (const part of chat.stream({ model: 'demo', messages }, neverAborted())) parts.push(part)
      }
      await expect(reading()).rejects.toMatchObject({ name: 'ModelFailure', code })
      expect(textOf(parts)).toBe('Well')
    },
  )

  test('slow waits between words and can be aborted at once', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const parts: ModelPart[] = []
    const messages: ChatMessage[] = [{ role: 'user', content: 'slow 50000\nsay one two three' }]
    const reading = (async () => {
      for await (const part of chat.stream({ model: 'demo', messages }, controller.signal)) parts.push(part)
    })()
    reading.catch(() => {})
    await expect.poll(() => parts).toHaveLength(1)
    controller.abort(reason)
    await expect(reading).rejects.toBe(reason)
  })
})

describe('options of the request', () => {
  test('tool_choice none: no call is made', async () => {
    const answer = await ask('call get_weather {}', { tools: [weather], tool_choice: 'none' })
    expect(answer.calls).toEqual([])
    expect(answer.text).toMatch(/tool_choice/)
    expect((await ask('Hi', { tools: [fileSearch], tool_choice: 'none' })).text).toContain('“Hi”')
  })

  test('tool_choice required: a call is made, with arguments that fit', async () => {
    const { calls } = await ask('Hi', { tools: [weather], tool_choice: 'required' })
    expect(JSON.parse(calls[0]!.arguments)).toEqual({ city: 'Hi', unit: 'c' })
  })

  test('a named tool is called, even if the directives call others', async () => {
    const tool_choice = { type: 'function' as const, function: { name: 'code_interpreter' } }
    const { calls } = await ask('call get_weather {}', { tools: [weather, python], tool_choice })
    expect(calls.map(({ name }) => name)).toEqual(['code_interpreter'])
  })

  test('json_object: the answer is JSON', async () => {
    expect(JSON.parse((await ask('Hi', { response_format: { type: 'json_object' } })).text).answer).toContain(
      '“Hi”',
    )
    expect((await ask('say {"a":1}', { response_format: { type: 'json_object' } })).text).toBe('{"a":1}')
  })

  test('json_schema: the answer fits the schema', async () => {
    const schema = {
      type: 'object',
      properties: {
        steps: { type: 'array', items: { type: 'string' } },
        total: { type: 'integer', minimum: 10 },
      },
      required: ['steps', 'total'],
      additionalProperties: false,
    }
    const response_format = { type: 'json_schema' as const, json_schema: { name: 's', schema } }
    expect(JSON.parse((await ask('say four', { response_format })).text)).toEqual({
      steps: ['four'],
      total: 10,
    })
  })

  test('a schema that asks for too large a value is refused', async () => {
    const schema = { type: 'string', minLength: 2 ** 30 }
    const response_format = { type: 'json_schema' as const, json_schema: { name: 's', schema } }
    await expect(ask('say four', { response_format })).rejects.toMatchObject({
      code: 'invalid_prompt',
      message: 'The JSON schema asks for a value that is too large for the demo model.',
    })
  })

  test('max_completion_tokens counts words, and usage counts the words of the answer', async () => {
    const { parts, text, finish } = await ask('say one two three four', { max_completion_tokens: 2 })
    expect([text, finish]).toEqual(['one two', 'length'])
    expect(parts.at(-1)).toMatchObject({ usage: { prompt_tokens: 5, completion_tokens: 2 } })
    expect((await ask('say one two', { max_completion_tokens: 2 })).finish).toBe('stop')
  })
})
