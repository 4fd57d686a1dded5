/** Answers of a model provider that is broken, or means harm: the bytes of event streams. */
import fc from 'fast-check'

export interface HostileAnswer {
  /** What is sent, a piece at a time. */
  pieces: Buffer[]
  /** Whether the connection breaks after the last byte. */
  breaks: boolean
}

const prototypeNames = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']

const words = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  fc.constantFrom(
    '\0',
    '\ud83d',
    '\ude00',
    'é',
    '👩‍👩‍👧',
    '【4:0†a.txt】',
    'sandbox:/mnt/data/x.png',
    '\u2028',
    '[DONE]',
  ),
  fc.constantFrom(...prototypeNames),
  fc.integer({ min: 1, max: 200_000 }).map((length) => 'long '.repeat(length / 5)),
)

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, true, -1, 1e308, 2 ** 53, '', [], {}, [null], [[]]),
)

const functionNames = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('get_weather', 'get_time') },
  fc.constantFrom('nobody', 'code_interpreter', '', ...prototypeNames),
)

const argumentPieces = fc.oneof(
  fc.constantFrom(
    '{}',
    '{"city":',
    '"Rome"}',
    '{"a":1}',
    '',
    '{',
    'null',
    '"',
    '\\',
    '{"__proto__":{"a":1}}',
  ),
  words,
)

const toolCall = fc.record(
  {
    index: fc.oneof(
      { weight: 5, arbitrary: fc.nat({ max: 3 }) },
      fc.constantFrom(-1, 1.5, 1e9, 2 ** 60, '0', '__proto__', null),
    ),
    id: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('call_a', 'call_b', 'call_c') }, words, anything),
    type: fc.constantFrom('function', 'code_interpreter', null),
    function: fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record(
          {
            name: fc.oneof({ weight: 6, arbitrary: functionNames }, anything),
            arguments: fc.oneof({ weight: 6, arbitrary: argumentPieces }, anything),
          },
          { requiredKeys: [] },
        ),
      },
      anything,
    ),
  },
  { requiredKeys: ['function'] },
)

const delta = fc.oneof(
  { weight: 8, arbitrary: words.map((content) => ({ content })) },
  { weight: 1, arbitrary: words.map((refusal) => ({ refusal })) },
  {
    weight: 6,
    arbitrary: fc.array(toolCall, { minLength: 1, maxLength: 3 }).map((tool_calls) => ({ tool_calls })),
  },
  fc.record(
    { role: anything, content: anything, refusal: anything, tool_calls: anything },
    { requiredKeys: [] },
  ),
  words.map((text) => ({ content: [{ type: 'text', text }, null, { type: 'text' }, 4] })),
  words.map((reasoning_content) => ({ reasoning_content, content: null })),
  anything,
)

const finish = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('stop', 'tool_calls') },
  fc.constantFrom('length', 'content_filter', 'function_call', 'error', 'eos', '', '__proto__', 1, {}, null),
)

const count = fc.oneof(
  { weight: 3, arbitrary: fc.nat() },
  fc.constantFrom(-1, 1.5, 2 ** 31, 2 ** 53, 2 ** 53 - 1, 1e308, '7', null, {}, []),
)
const usage = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        prompt_tokens: count,
        completion_tokens: count,
        total_tokens: count,
        prompt_tokens_details: fc.oneof(fc.record({ cached_tokens: count }), anything),
        completion_tokens_details: fc.oneof(fc.record({ reasoning_tokens: count }), anything),
      },
      { requiredKeys: ['prompt_tokens', 'completion_tokens'] },
    ),
  },
  anything,
)

const choice = fc.oneof(
  { weight: 12, arbitrary: delta.map((one) => ({ index: 0, delta: one, finish_reason: null })) },
  { weight: 3, arbitrary: fc.record({ delta, finish_reason: finish }) },
  delta.map((one) => ({ index: 1, delta: one })),
  delta.map((message) => ({ index: 0, message })),
  anything,
)

const chunk = fc.oneof(
  {
    weight: 14,
    arbitrary: choice.map((one) => ({ id: 'c', object: 'chat.completion.chunk', choices: [one] })),
  },
  fc.array(choice, { maxLength: 3 }).map((choices) => ({ choices })),
  usage.map((one) => ({ choices: [], usage: one })),
  anything.map((choices) => ({ choices })),
  fc.record({ error: anything }),
  fc.constantFrom(
    { error: { message: 'Too many', code: 'rate_limit_exceeded', type: 'requests' } },
    { error: { message: 'no', code: 500 } },
    { object: 'error', message: 'no' },
  ),
  anything,
)

const frame = fc.oneof(
  { weight: 16, arbitrary: chunk.map((one) => `data: ${JSON.stringify(one)}\n\n`) },
  { weight: 1, arbitrary: chunk.map((one) => `data: ${JSON.stringify(one)}\r\n\r\n`) },
  {
    weight: 1,
    arbitrary: chunk.map(
      (one) =>
        `event: x\nid: 7\nretry: 1\ndata:${JSON.stringify(one, null, 1).replaceAll('\n', '\ndata:')}\n\n`,
    ),
  },
  fc.constantFrom(
    'data: {"choices":[{"index":0,"delta":{"content":"cut',
    'data: not json\n\n',
    'data: {"a":1}{"b":2}\n\n',
    'data:\n\n',
    'data\n\n',
    ': comment\n\n',
    '\ufeff',
    '\n\n\n',
    'data: [DONE]\n\n',
    'data: [done]\n\n',
    'event: error\ndata: {"error":{"message":"no"}}\n\n',
    '<html>502</html>\n\n',
    `data: {"choices":[{"delta":{"content":${'['.repeat(2000)}${']'.repeat(2000)}}}]}\n\n`,
    'data: {"choices":[{"index":0,"delta":{"__proto__":{"content":"x"}}}]}\n\n',
    'data: {"__proto__":{"choices":[]},"choices":[]}\n\n',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

const endOfAnswer = (reason: unknown) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: reason }] })}\n\n`

const ending = fc.oneof(
  { weight: 8, arbitrary: finish.map((reason) => `${endOfAnswer(reason)}data: [DONE]\n\n`) },
  { weight: 2, arbitrary: finish.map(endOfAnswer) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(finish, frame, finish)
      .map(([one, more, two]) => endOfAnswer(one) + more + endOfAnswer(two)),
  },
  usage.map(
    (one) => `${endOfAnswer('stop')}data: ${JSON.stringify({ choices: [], usage: one })}\n\ndata: [DONE]\n\n`,
  ),
  fc.constant(''),
  fc.constant('data: [DONE]\n\n'),
)

/** A few frames and an end; sometimes cut, sometimes with a byte flipped, sent in pieces cut anywhere. */
export const hostileAnswer: fc.Arbitrary<HostileAnswer> = fc
  .record({
    frames: fc.array(frame, { maxLength: 7 }),
    ending,
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 5 }),
    flip: fc.option(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 255 })), { freq: 8 }),
    splits: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
    breaks: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
  })
  .map(({ frames, ending: last, cut, flip, splits, breaks }) => {
    let bytes = Buffer.from(frames.join('') + last)
    if (flip && bytes.length > 0) bytes[Math.floor(flip[0] * (bytes.length - 1))] = flip[1]
    if (cut !== null) bytes = bytes.subarray(0, Math.floor(cut * bytes.length))
    return { pieces: split(bytes, splits), breaks }
  })

function split(bytes: Buffer, places: number[]): Buffer[] {
  const at = places.map((place) => Math.floor(place * bytes.length)).toSorted((a, b) => a - b)
  const bounds = [0, ...at, bytes.length]
  return bounds.slice(1).map((end, index) => bytes.subarray(bounds[index], end))
}
