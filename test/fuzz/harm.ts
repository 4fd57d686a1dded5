/** What is done to a right request by someone who means harm. */
import fc from 'fast-check'
import type { Plan } from './requests.ts'

type Harm = (plan: Plan) => Plan

/** JSON texts that parsers, stores or printers stumble over. `BODY` is the right body without its outer braces. */
const bodies = fc.oneof(
  fc
    .constantFrom(
      '',
      ' ',
      'null',
      'true',
      '0',
      '"text"',
      '[]',
      '[[[',
      '{',
      '{}}',
      '{"a":}',
      "{'a':1}",
      '\ufeff{}',
      '{"a":1e400}',
      '{BODY,"metadata":{"a":"\\u0000"}}',
      '{BODY,"metadata":{"a":"\\ud800"}}',
      '{BODY,"metadata":{"\\udc00":"a"}}',
      '{BODY,"metadata":{"__proto__":"a"}}',
      '{BODY,"__proto__":{"stream":true}}',
      '{BODY,"constructor":{"prototype":{"a":1}}}',
      '{BODY,"temperature":1e400}',
      '{BODY,"temperature":-0}',
      '{BODY,"temperature":5e-324}',
      '{BODY,"max_prompt_tokens":9007199254740993}',
      '{BODY,"name":"a","name":1}',
      '{BODY,"instructions":"\\u202e\\u0007\\ufffe"}',
      `{BODY,"metadata":${'['.repeat(600)}${']'.repeat(600)}}`,
      `{BODY,"tools":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      `{BODY,"metadata":{${Array.from({ length: 2000 }, (_, index) => `"k${index}":"v"`).join(',')}}}`,
      `{BODY,"description":"${'x'.repeat(300_000)}"}`,
      `{BODY,"instructions":"${' '.repeat(250_000)}x"}`,
      `{BODY,"instructions":"${'a\u00a0'.repeat(120_000)}"}`,
      `{BODY,"messages":[${'[],'.repeat(300_000)}[]]}`,
      `{BODY,"tools":[${strictFunction(20_000)}]}`,
      `{BODY,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":${nestedLists(6)}}}}`,
    )
    .map((text): Harm => (plan) => ({ ...plan, ...withBody(plan, text) })),
  fc.double({ min: 0, max: 1, noNaN: true }).map((cut): Harm => (plan) => {
    const body =
      typeof plan.body === 'string' ? Buffer.from(plan.body) : (plan.body ?? Buffer.from('{"a":1}'))
    return { ...plan, method: 'POST', body: body.subarray(0, Math.floor(cut * body.length)) }
  }),
  fc.uint8Array({ maxLength: 60 }).map((bytes): Harm => (plan) => ({
    ...plan,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...plan.headers },
    body: Buffer.from(bytes),
  })),
)

/** A strict function whose properties are all required. */
function strictFunction(count: number): string {
  const names = Array.from({ length: count }, (_, index) => `p${index}`)
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'string' }]))
  const parameters = { type: 'object', properties, required: names, additionalProperties: false }
  return JSON.stringify({ type: 'function', function: { name: 'f', strict: true, parameters } })
}

/** A schema of lists in lists, each with at least 1,000 items. */
function nestedLists(depth: number): string {
  return depth === 0 ? '{}' : `{"type":"array","minItems":1000,"items":${nestedLists(depth - 1)}}`
}

function withBody(plan: Plan, text: string): Partial<Plan> {
  const inner = typeof plan.body === 'string' ? plan.body.slice(1, -1) : ''
  const body = text.replace(inner === '' ? 'BODY,' : 'BODY', () => inner)
  return { method: 'POST', headers: { ...plan.headers, 'content-type': 'application/json' }, body }
}

const headerHarm = fc
  .oneof(
    fc
      .constantFrom(
        'text/plain',
        '',
        'application/json; charset=utf-16',
        'APPLICATION/JSON',
        'multipart/form-data',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=',
        'multipart/form-data; boundary=fuzz-boundary',
        'application/jsonx',
        '\u00e9',
        ';;;',
      )
      .map((value): [string, string] => ['content-type', value]),
    fc
      .constantFrom(
        '',
        'Bearer',
        'Bearer ',
        'Basic !!!',
        'Basic OmtleQ==',
        'Digest x',
        '\u00ff',
        `Bearer ${'k'.repeat(4000)}`,
      )
      .map((value): [string, string] => ['authorization', value]),
    fc
      .constantFrom(
        '',
        'assistants=v1',
        'assistants=v3',
        'v2',
        '__proto__=v2',
        'assistants=v2,responses=v1',
        ',,,',
      )
      .map((value): [string, string] => ['openai-beta', value]),
    fc
      .constantFrom('same', '\u00e9', 'k'.repeat(256), ' ', '__proto__')
      .map((value): [string, string] => ['idempotency-key', value]),
    fc
      .constantFrom('1', '-1', '1e9', 'NaN', '9'.repeat(400))
      .map((value): [string, string] => ['x-stainless-retry-count', value]),
    fc
      .constantFrom(
        'bytes=0-',
        'bytes=5-2',
        'bytes=-0',
        'bytes=99999999999999999999-',
        'bytes=0-1,3-4',
        'lines=1',
      )
      .map((value): [string, string] => ['range', value]),
    fc
      .constantFrom('1', '-1', 'abc', '99999999999', '1.5', '')
      .map((value): [string, string] => ['last-event-id', value]),
    fc
      .constantFrom('evil.example', '127.0.0.1.evil', '', '[::1]', 'localhost:99999', 'a b')
      .map((value): [string, string] => ['host', value]),
    fc
      .constantFrom('null', 'https://evil.example', 'http://localhost', '\u00e9')
      .map((value): [string, string] => ['origin', value]),
    fc.constantFrom('gzip', 'br', 'identity').map((value): [string, string] => ['content-encoding', value]),
    fc.constantFrom('text/event-stream', '*/*', 'x').map((value): [string, string] => ['accept', value]),
  )
  .map(([name, value]): Harm => (plan) => ({ ...plan, headers: { ...plan.headers, [name]: value } }))

const queryHarm = fc
  .constantFrom(
    'limit=',
    'limit=1e3',
    'limit=0',
    'limit=101',
    'limit[]=5',
    'limit=1&limit=2',
    'limit=%00',
    'order=__proto__',
    'order=ASC',
    'after=%00',
    'after=%ZZ',
    'after=%ff',
    'after=',
    'before=x&after=y',
    'after[]=a&after[]=b',
    '?',
    '&&&',
    '=',
    'a=b=c',
    '__proto__=x',
    '__proto__[limit]=1',
    'constructor=1',
    'include=x',
    'include[]=x&include=y',
    'include%5B%5D=%5B%2A%5D',
    'run_id=run',
    'run_id=',
    'purpose=%00',
    'purpose=',
    'after=999999999999',
    'stream=true',
    `x=${'y'.repeat(10_000)}`,
    `after=asst_${'z'.repeat(3000)}`,
    '%',
    '#',
    'limit=٣',
  )
  .map((query): Harm => (plan) => ({
    ...plan,
    path: `${plan.path.split('?')[0]}?${encodeURI(query).replaceAll('%25', '%')}`,
  }))

const pathHarm = fc.oneof(
  fc
    .constantFrom(
      '%00',
      '%ff',
      '%',
      '%2e%2e',
      '..',
      '.',
      '%2F',
      'x'.repeat(1999),
      'x'.repeat(9000),
      '__proto__',
      '%F0%9F%98%80',
      '%ED%A0%80',
      '*',
      ':id',
      '~',
      ' '.trim(),
      "'",
      '"',
      '<script>',
      'asst_%0a',
      'thread_%00',
      'run_%00',
      'msg_%ED%A0%80',
    )
    .map((id): Harm => (plan) => ({
      ...plan,
      path: plan.path.includes('@@') ? plan.path.replace(/@@[^@]+@@/, () => id) : `${plan.path}/${id}`,
    })),
  fc
    .constantFrom(
      '/',
      '//',
      '/v1',
      '/v1/',
      '//v1/assistants',
      '/v1//assistants',
      '/v1/../healthz',
      '/V1/assistants',
      '/v1/assistants/',
      '/v1/threads//runs',
      '/v1/threads/runs/',
      '/index.html',
      '*',
      '/v1/assistants;a=b',
      '/v1/models/',
      '/v1/models/%2e%2e/x',
      '/openapi.json/../package.json',
      '/openapi.json/..%2f..%2fpackage.json',
    )
    .map((path): Harm => (plan) => ({ ...plan, path })),
)

const methodHarm = fc
  .constantFrom(
    'PUT',
    'PATCH',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
    'QUERY',
    'POST',
    'GET',
    'DELETE',
    'M-SEARCH',
  )
  .map((method): Harm => (plan) => ({ ...plan, method }))

export const harm: fc.Arbitrary<Harm> = fc.oneof(
  { weight: 6, arbitrary: bodies },
  { weight: 4, arbitrary: headerHarm },
  { weight: 3, arbitrary: queryHarm },
  { weight: 3, arbitrary: pathHarm },
  { weight: 2, arbitrary: methodHarm },
  fc.tuple(bodies, headerHarm, methodHarm).map(
    ([one, two, three]): Harm =>
      (plan) =>
        three(two(one(plan))),
  ),
)

/** Bytes that are no request, or one that no client library sends. */
export const brokenWire: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'GET\r\n\r\n',
    '\r\n\r\n',
    'G@T /v1/assistants HTTP/1.1\r\nhost: localhost\r\n\r\n',
    'GET /v1/as sistants HTTP/1.1\r\nhost: localhost\r\n\r\n',
    'GET /v1/assistants HTTP/9.9\r\nhost: localhost\r\n\r\n',
    'GET /v1/assistants HTTP/1.1\r\n\r\n',
    'GET /v1/assistants HTTP/1.0\r\n\r\n',
    'GET /v1/assistants HTTP/1.1\r\nhost: localhost\r\nno colon here\r\n\r\n',
    'GET /v1/assistants HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n',
    `GET /v1/assistants HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`,
    `GET /${'z'.repeat(40_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    'POST /v1/threads HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n',
    'POST /v1/threads HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}',
    'POST /v1/threads HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
    'POST /v1/threads HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\nopenai-beta: assistants=v2\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n',
    'POST /v1/threads HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\nopenai-beta: assistants=v2\r\nexpect: 200-maybe\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
    'POST /v1/threads HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\nopenai-beta: assistants=v2\r\nexpect: 100-continue\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
    'GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n',
    'CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ),
  fc.string({ unit: 'binary', minLength: 4, maxLength: 60 }).map((text) => `${text}\r\n\r\n`),
)
