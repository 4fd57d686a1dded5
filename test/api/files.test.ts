import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { toFile } from 'openai'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { FileObject } from '../../src/api/files.ts'
import { startTinyS3 } from '../blobs/tiny-s3.ts'
import { fieldPart, filePart, formBody, formType } from '../harness/forms.ts'
import { testServer, wireError, type Answer, type TestServer } from '../harness/server.ts'
import { statementsBy } from '../harness/statements.ts'
import { eventually, gate } from '../harness/stories.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({ config: { maxFileBytes: 2_000_000 } })
})
afterEach(async () => {
  await server.close()
})

async function post(parts: Parameters<typeof formBody>[0]): Promise<Answer> {
  return send(formBody(parts), formType)
}

async function send(
  body: NonNullable<RequestInit['body']>,
  headers: Record<string, string>,
  path = '/files',
): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { authorization: 'Bearer test-key', ...headers },
    body,
    duplex: 'half',
  } as RequestInit)
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** With the second key that this API adds to every error. */
function fileError(error: Parameters<typeof wireError>[0]) {
  return { status: error.status, body: error.toBody({ detail: true }) }
}

async function upload(content: string | Buffer, purpose = 'batch', filename = 'a.txt') {
  const { body, status } = await post([fieldPart('purpose', purpose), filePart(content, filename)])
  expect(status).toBe(200)
  return body as FileObject
}

function blobPath(content: string | Buffer): string {
  const hash = createHash('sha256').update(content).digest('hex')
  return join(server.dataDir, 'blobs', hash.slice(0, 2), hash.slice(2, 4), hash)
}

test('a file that the official SDK uploads is an object in the order of the live service', async () => {
  const file = await server.openai.files.create({
    file: await toFile(Buffer.from('hello files'), 'test.txt'),
    purpose: 'assistants',
  })
  expect(JSON.stringify(file)).toBe(
    JSON.stringify({
      object: 'file',
      id: file.id,
      purpose: 'assistants',
      filename: 'test.txt',
      bytes: 11,
      created_at: Math.floor(server.clock.nowMs() / 1000),
      expires_at: null,
      status: 'processed',
      status_details: null,
    }),
  )
  expect(file.id).toMatch(/^file-[0-9A-Za-z]{22}$/)
  expect(await server.openai.files.retrieve(file.id)).toEqual(file)
  expect(await server.openai.files.waitForProcessing(file.id)).toEqual(file)
})

test('contents come back byte for byte, as a download', async () => {
  const content = randomBytes(300_000)
  const file = await server.openai.files.create({ file: await toFile(content, 'x.bin'), purpose: 'batch' })
  const response = await server.openai.files.content(file.id)
  expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true)
  expect(response.headers.get('content-type')).toBe('application/octet-stream')
  expect(response.headers.get('content-length')).toBe('300000')
  expect(response.headers.get('content-disposition')).toBe('attachment; filename="x.bin"')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
})

test.each([
  ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
  ['bytes=7-', 206, '789', 'bytes 7-9/10'],
  ['bytes=7-99', 206, '789', 'bytes 7-9/10'],
  ['bytes=-2', 206, '89', 'bytes 8-9/10'],
  ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
  ['bytes=10-', 416, wireError(errors.rangeNotSatisfiable(10)).body, 'bytes */10'],
  ['bytes=-0', 416, wireError(errors.rangeNotSatisfiable(10)).body, 'bytes */10'],
  ['bytes=5-3', 200, '0123456789', null],
  ['bytes=-', 200, '0123456789', null],
  ['bytes=0-1,3-4', 200, '0123456789', null],
  ['lines=0-1', 200, '0123456789', null],
])('the range %s is answered with %i', async (range, status, content, contentRange) => {
  const { id } = await upload('0123456789')
  const answer = await server.request('GET', `/files/${id}/content`, undefined, { range })
  expect(answer.status).toBe(status)
  expect(answer.body).toEqual(content)
  expect(answer.headers.get('content-range')).toBe(contentRange)
})

test('a range with a condition that cannot be checked gets the whole file', async () => {
  const { id } = await upload('0123456789')
  const headers = { range: 'bytes=0-3', 'if-range': '"etag"' }
  expect((await server.request('GET', `/files/${id}/content`, undefined, headers)).body).toBe('0123456789')
})

test('contents for assistants and user data cannot be downloaded unless a setting allows it', async () => {
  const content = Buffer.from('secret')
  for (const purpose of ['assistants', 'user_data'] as const) {
    const { id } = await server.openai.files.create({ file: await toFile(content, 'a.txt'), purpose })
    const answer = await server.request('GET', `/files/${id}/content`)
    expect(answer).toMatchObject(fileError(errors.downloadForbidden(purpose)))
    const open = await server.sibling({ allowAllDownloads: true })
    expect(await (await open.openai.files.content(id)).text()).toBe('secret')
  }
})

test.each(['batch', 'fine-tune', 'vision', 'evals'])('contents for %s may be downloaded', async (purpose) => {
  const { id } = await upload('x', purpose)
  expect((await server.request('GET', `/files/${id}/content`)).body).toBe('x')
})

test('a download of an image has the content type of its bytes, not of its name', async () => {
  const png = Buffer.from('\x89PNG\r\n\x1a\nrest', 'latin1')
  const image = await upload(png, 'vision', 'photo.txt')
  const page = await upload('<script>alert(1)</script>', 'vision', 'photo.png')
  const typeOf = async (id: string) =>
    (await server.request('GET', `/files/${id}/content`)).headers.get('content-type')
  expect(await typeOf(image.id)).toBe('image/png')
  expect(await typeOf(page.id)).toBe('application/octet-stream')
})

test('fields of a form may come before and after the file', async () => {
  const fields = [
    fieldPart('purpose', 'batch'),
    fieldPart('expires_after[anchor]', 'created_at'),
    fieldPart('expires_after[seconds]', '3600'),
  ]
  const [purpose, anchor, seconds] = fields as [any, any, any]
  for (const parts of [
    [...fields, filePart('x')],
    [filePart('x'), ...fields],
    [seconds, filePart('x'), anchor, purpose],
  ]) {
    const { status, body } = await post(parts)
    expect(status).toBe(200)
    expect(body.expires_at).toBe(body.created_at + 3600)
  }
})

test.each([
  ['plain', 'filename="你好.txt"', '你好.txt'],
  ['with a path', 'filename="../../etc/passwd"', '../../etc/passwd'],
  ['with a media type', 'filename=text/csv', 'text/csv'],
  ['with a Windows path', String.raw`filename="C:\dir\a b.txt"`, String.raw`C:\dir\a b.txt`],
  ['as .NET writes it', `filename="=?utf-8?B?w6QudHh0?="; filename*=utf-8''%C3%A4.txt`, 'ä.txt'],
  ['beyond the BMP', 'filename="😀.md"', '😀.md'],
  ['like a URL', 'filename="a%2Fb.txt"', 'a%2Fb.txt'],
])('a file name %s is kept unchanged', async (_, filename, kept) => {
  const headers = [`Content-Disposition: form-data; name=file; ${filename}`]
  const { body } = await post([fieldPart('purpose', 'batch'), { headers, content: 'named' }])
  expect(body.filename).toBe(kept)
  const stored = readdirSync(join(server.dataDir, 'blobs'), { recursive: true, encoding: 'utf8' })
  expect(stored.filter((path) => /passwd|txt|md/.test(path))).toEqual([])
})

test.each([
  ['你好 (1).txt', `attachment; filename="__ (1).txt"; filename*=UTF-8''%E4%BD%A0%E5%A5%BD%20%281%29.txt`],
  ['a"b.txt', String.raw`attachment; filename="a\"b.txt"`],
  ['a;b.txt', 'attachment; filename="a;b.txt"'],
  ['../../etc/passwd', 'attachment; filename="passwd"'],
])('a file named %s downloads under its name, without directories', async (filename, disposition) => {
  const headers = [
    `Content-Disposition: form-data; name="file"; filename="${filename.replace('"', String.raw`\"`)}"`,
  ]
  const { body } = await post([fieldPart('purpose', 'batch'), { headers, content: 'x' }])
  expect(body.filename).toBe(filename)
  const { headers: sent } = await server.request('GET', `/files/${body.id}/content`)
  expect(sent.get('content-disposition')).toBe(disposition)
})

const nameless = { headers: ['Content-Disposition: form-data; name="file"'], content: 'x' }
test.each([
  ['no file', [fieldPart('purpose', 'batch')], errors.requiredProperty('file')],
  ['a file without a name', [fieldPart('purpose', 'batch'), nameless], errors.requiredProperty('file')],
  ['a folder', [fieldPart('purpose', 'batch'), filePart('x', 'dir/')], errors.requiredProperty('file')],
  ['no purpose', [filePart('x')], errors.requiredProperty('purpose')],
  ['an empty file', [fieldPart('purpose', 'batch'), filePart('')], errors.emptyFile()],
  [
    'a purpose of its own',
    [fieldPart('purpose', 'world_domination'), filePart('x')],
    errors.notOneOf('purpose', 'world_domination', [
      'fine-tune',
      'assistants',
      'batch',
      'user_data',
      'vision',
      'evals',
    ]),
  ],
  [
    'a purpose that only results have',
    [filePart('x'), fieldPart('purpose', 'assistants_output')],
    errors.notOneOf('purpose', 'assistants_output', [
      'fine-tune',
      'assistants',
      'batch',
      'user_data',
      'vision',
      'evals',
    ]),
  ],
  [
    'an unknown field',
    [filePart('x'), fieldPart('purpose', 'batch'), fieldPart('foo', '1')],
    errors.unknownParameter('foo'),
  ],
  [
    'an unknown file',
    [filePart('x', 'a.txt', 'image'), fieldPart('purpose', 'batch')],
    errors.unknownParameter('image'),
  ],
  [
    'two files',
    [fieldPart('purpose', 'batch'), filePart('x'), filePart('y')],
    errors.invalidForm("'file' is given more than once"),
  ],
  [
    'two purposes',
    [fieldPart('purpose', 'batch'), fieldPart('purpose', 'vision')],
    errors.invalidForm("'purpose' is given more than once"),
  ],
  [
    'too short a life',
    [
      filePart('x'),
      fieldPart('purpose', 'batch'),
      fieldPart('expires_after[anchor]', 'created_at'),
      fieldPart('expires_after[seconds]', '60'),
    ],
    errors.integerTooSmall('expires_after.seconds', 3600, 60),
  ],
  [
    'a life without an anchor',
    [filePart('x'), fieldPart('purpose', 'batch'), fieldPart('expires_after[seconds]', '3600')],
    errors.missingParameter('expires_after.anchor'),
  ],
  [
    'a very long name',
    [fieldPart('purpose', 'batch'), filePart('x', 'n'.repeat(600))],
    errors.stringTooLong('file', 512, 600),
  ],
  [
    'a very long field',
    [fieldPart('purpose', 'b'.repeat(20_000))],
    errors.invalidForm("'purpose' is longer than 16384 bytes"),
  ],
])('a form with %s is refused', async (_, parts, error) => {
  expect(await post(parts)).toMatchObject(fileError(error))
  expect((await server.openai.files.list()).data).toEqual([])
})

test('a body that is not a form is refused', async () => {
  expect(await send('{}', { 'content-type': 'application/json' })).toMatchObject(
    fileError(errors.unsupportedContentType('application/json', 'multipart/form-data')),
  )
  expect(await send('', {})).toMatchObject({ status: 400 })
  const unbounded = await send('x', { 'content-type': 'multipart/form-data' })
  expect(unbounded.body.error.message).toMatch(/^We could not parse the multipart form/)
  const whole = formBody([fieldPart('purpose', 'batch'), filePart('x'.repeat(5000))])
  for (const length of [10, 100, 1000, whole.length - 20]) {
    const { status, body } = await send(whole.subarray(0, length), formType)
    expect(status).toBe(400)
    expect(body.error.message).toMatch(/^We could not parse the multipart form/)
  }
  const answer = await server.request('POST', '/assistants', 'x', formType)
  expect(answer).toMatchObject(wireError(errors.unsupportedContentType(formType['content-type'])))
})

test('a file over the limit is refused while it arrives, with and without a Content-Length', async () => {
  const big = formBody([fieldPart('purpose', 'batch'), filePart(randomBytes(2_000_001))])
  const tooLarge = fileError(errors.fileTooLarge(2_000_000))
  expect(await send(big, formType)).toMatchObject(tooLarge)
  expect(
    await send(Readable.toWeb(Readable.from([big])) as NonNullable<RequestInit['body']>, formType),
  ).toMatchObject(tooLarge)
  const promised = await send(Buffer.concat([big, Buffer.alloc(2_000_000)]), formType)
  expect(promised).toMatchObject(tooLarge)
  expect(readdirSync(join(server.dataDir, 'blobs/tmp'))).toEqual([])
  const fits = formBody([fieldPart('purpose', 'batch'), filePart(randomBytes(2_000_000))])
  expect((await send(fits, formType)).body.bytes).toBe(2_000_000)
})

/** A connection over which the head of `POST /files` has been sent. */
function connectTo(...headers: string[]): Socket {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  const type = `Content-Type: ${formType['content-type']}`
  const head = ['POST /v1/files HTTP/1.1', 'Host: localhost', 'Authorization: Bearer test-key', type]
  socket.write(`${[...head, ...headers].join('\r\n')}\r\n\r\n`)
  return socket
}

test.each(['keep-alive', 'close'])(
  'a client that writes all before it reads gets the answer (%s)',
  async (connection) => {
    const body = formBody([fieldPart('purpose', 'batch'), filePart(Buffer.alloc(7_000_000))])
    const socket = connectTo(`Content-Length: ${body.length}`, `Connection: ${connection}`)
    await new Promise((resolve) => socket.write(body, resolve))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /)
    socket.destroy()
  },
)

test('an endless upload gets an error, and then its connection is closed', async () => {
  const socket = connectTo('Transfer-Encoding: chunked')
  const answered = once(socket, 'data') as Promise<[Buffer]>
  const hungUp = new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
  const chunk = (content: Buffer) =>
    Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')])
  socket.write(chunk(Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')))
  const endless = function* () {
    for (;;) yield chunk(Buffer.alloc(64 * 1024))
  }
  Readable.from(endless()).pipe(socket)
  expect((await answered)[0].toString()).toMatch(/^HTTP\/1.1 413 /)
  await hungUp
})

test('an upload whose connection breaks leaves nothing behind', async () => {
  const call = httpRequest(`${server.url}/files`, {
    method: 'POST',
    headers: { authorization: 'Bearer test-key', ...formType },
  })
  call.on('error', () => undefined)
  call.write(`--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${'x'.repeat(100_000)}`)
  const temporary = join(server.dataDir, 'blobs/tmp')
  await eventually(() => readdirSync(temporary).length > 0)
  call.destroy()
  await eventually(() => readdirSync(temporary).length === 0)
  expect((await server.openai.files.list()).data).toEqual([])
})

test('the memory of an upload does not grow with the file', async () => {
  const roomy = await server.sibling({ maxFileBytes: 512 * 1024 * 1024 })
  const chunk = randomBytes(1024 * 1024)
  let peak = 0
  const body = async function* () {
    yield Buffer.from('--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n')
    yield Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
    for (let count = 0; count < 300; count += 1) {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers)
      yield chunk
    }
    yield Buffer.from('\r\n--b--\r\n')
  }
  const response = await fetch(`${roomy.url}/v1/files`, {
    method: 'POST',
    headers: { authorization: 'Bearer test-key', ...formType },
    body: Readable.toWeb(Readable.from(body())),
    duplex: 'half',
  } as RequestInit)
  expect(await response.json()).toMatchObject({ bytes: 300 * 1024 * 1024 })
  expect(peak).toBeLessThan(150 * 1024 * 1024)
})

test('files are listed newest first, by purpose, in pages', async () => {
  const made: FileObject[] = []
  for (const purpose of ['batch', 'vision', 'batch', 'batch']) made.push(await upload('x', purpose))
  const ids = made.map((file) => file.id).toReversed()
  const { body } = await server.request('GET', '/files')
  expect(Object.keys(body)).toEqual(['object', 'data', 'has_more', 'first_id', 'last_id'])
  expect(body).toMatchObject({ object: 'list', has_more: false, first_id: ids[0], last_id: ids[3] })
  expect(body.data.map((file: FileObject) => file.id)).toEqual(ids)
  FileObject.array().parse(body.data)
  const asc = await server.openai.files.list({ order: 'asc', limit: 2 })
  expect(asc.data.map((file) => file.id)).toEqual(ids.toReversed().slice(0, 2))
  const all: string[] = []
  for await (const file of server.openai.files.list({ purpose: 'batch', limit: 1 })) all.push(file.id)
  expect(all).toEqual(ids.filter((id) => id !== made[1]?.id))
  expect((await server.request('GET', '/files?purpose=nobody')).body).toMatchObject({
    data: [],
    first_id: null,
    last_id: null,
  })
})

test.each([
  ['limit=0', errors.integerTooSmall('limit', 1, 0)],
  ['limit=10001', errors.integerTooBig('limit', 10_000, 10_001)],
  ['order=up', errors.invalidValue('order', 'up', ['asc', 'desc'])],
  ['after=file-none', errors.fileNotFound('file-none')],
])('a list with %s is refused', async (query, error) => {
  expect(await server.request('GET', `/files?${query}`)).toMatchObject(fileError(error))
})

test('a limit of 10000 is allowed', async () => {
  expect((await server.request('GET', '/files?limit=10000')).status).toBe(200)
})

test.each([
  ['GET', '/files/fake_id'],
  ['GET', '/files/fake_id/content'],
  ['DELETE', '/files/fake_id'],
])('the error of %s %s for a missing file is repeated under detail', async (method, path) => {
  const { status, body } = await server.request(method, path)
  expect(status).toBe(404)
  expect(JSON.stringify(body)).toBe(
    '{"error":{"message":"No such File object: fake_id","type":"invalid_request_error","param":"id","code":null},"detail":{"message":"No such File object: fake_id","code":null}}',
  )
})

test('a file id with characters that no database can store is not found', async () => {
  expect((await server.request('GET', '/files/a%00b')).status).toBe(404)
})

test('a deleted file cannot be deleted again', async () => {
  const { id } = await upload('x')
  const { body } = await server.request('DELETE', `/files/${id}`)
  expect(JSON.stringify(body)).toBe(JSON.stringify({ object: 'file', deleted: true, id }))
  expect((await server.request('GET', `/files/${id}`)).status).toBe(404)
  expect((await server.request('GET', `/files/${id}/content`)).status).toBe(404)
  expect((await server.request('DELETE', `/files/${id}`)).status).toBe(404)
})

test('files of another project are not found', async () => {
  const keys = new Map([
    ['key-a', 'a'],
    ['key-b', 'b'],
  ])
  const shared = await server.sibling({ keys })
  const as = (apiKey: string) => shared.openai.withOptions({ apiKey })
  const file = await as('key-a').files.create({
    file: await toFile(Buffer.from('x'), 'a.txt'),
    purpose: 'batch',
  })
  await expect(as('key-b').files.retrieve(file.id)).rejects.toThrow('No such File object')
  await expect(as('key-b').files.content(file.id)).rejects.toThrow('No such File object')
  await expect(as('key-b').files.delete(file.id)).rejects.toThrow('No such File object')
  expect((await as('key-b').files.list()).data).toEqual([])
  expect((await as('key-a').files.list()).data).toHaveLength(1)
})

test('a deleted file is removed from the assistants and threads that gave it to code_interpreter', async () => {
  const [kept, gone] = [await upload('kept', 'assistants'), await upload('gone', 'assistants')]
  const thread = await server.openai.beta.threads.create({
    messages: [
      {
        role: 'user',
        content: 'Look',
        attachments: [kept, gone].map(({ id }) => ({ file_id: id, tools: [{ type: 'code_interpreter' }] })),
      },
    ],
  })
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', name: 'Uses files' })
  // The tool itself cannot be asked for yet, so its resources are written where they will stand.
  const body = JSON.stringify({ code_interpreter: { file_ids: [gone.id, kept.id] } })
  await server.db.query({
    text: `update assistants set body = (body::jsonb || jsonb_build_object('tool_resources', $2::jsonb))::json where id = $1`,
    values: [assistant.id, body],
  })
  await server.openai.files.delete(gone.id)
  const left = { code_interpreter: { file_ids: [kept.id] } }
  expect((await server.openai.beta.threads.retrieve(thread.id)).tool_resources).toEqual(left)
  const after = await server.openai.beta.assistants.retrieve(assistant.id)
  expect(after).toMatchObject({ name: 'Uses files', tool_resources: left })
  const [message] = (await server.openai.beta.threads.messages.list(thread.id)).data
  expect(message?.attachments?.map((one) => one.file_id)).toEqual([kept.id, gone.id])
})

test('a file disappears at its expires_at', async () => {
  const file = await server.openai.files.create({
    file: await toFile(Buffer.from('x'), 'a.txt'),
    purpose: 'batch',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  })
  const stays = await upload('x')
  expect(file.expires_at).toBe(file.created_at + 3600)
  server.clock.advance(3599)
  expect((await server.request('GET', `/files/${file.id}`)).status).toBe(200)
  server.clock.advance(1)
  await eventually(async () => (await server.request('GET', `/files/${file.id}`)).status === 404)
  expect((await server.openai.files.list()).data.map((one) => one.id)).toEqual([stays.id])
})

test('when files cannot be deleted for a while, uploads still expire, and the files are deleted later', async () => {
  server.allowComplaints(/expired objects could not be deleted/)
  const file = await server.openai.files.create({
    file: await toFile(Buffer.from('x'), 'a.txt'),
    purpose: 'batch',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  })
  const mime_type = 'text/plain'
  await server.openai.uploads.create({ bytes: 3, filename: 'b.txt', mime_type, purpose: 'batch' })
  statementsBy(async (statement, execute) => {
    if (statement.name === 'lock_expired_file') throw new Error('out of order')
    return execute()
  })
  server.clock.advance(3600)
  const expired = { text: `select 1 from uploads where status = 'expired'` }
  await eventually(async () => (await server.db.query(expired)).length === 1)
  vi.restoreAllMocks()
  await expect.poll(async () => (await server.request('GET', `/files/${file.id}`)).status).toBe(404)
})

test('contents are deleted an hour after the last file with them, and not before', async () => {
  const [first, second] = [await upload('same'), await upload('same')]
  const other = await upload('other')
  await server.openai.files.delete(first.id)
  await server.openai.files.delete(other.id)
  server.clock.advance(3600)
  await eventually(() => !existsSync(blobPath('other')))
  expect(existsSync(blobPath('same'))).toBe(true)
  expect((await server.request('GET', `/files/${second.id}/content`)).body).toBe('same')
  await server.openai.files.delete(second.id)
  server.clock.advance(3599)
  const marker = await upload('marker')
  await server.openai.files.delete(marker.id)
  expect(existsSync(blobPath('same'))).toBe(true)
  server.clock.advance(1)
  await eventually(() => !existsSync(blobPath('same')))
  expect(existsSync(blobPath('marker'))).toBe(true)
  const rows = () => server.db.query({ text: 'select sha256 from blobs' })
  await eventually(async () => (await rows()).length === 1)
})

test('contents of a form that was refused after its file are deleted too', async () => {
  expect((await post([filePart('orphan'), fieldPart('purpose', 'nonsense')])).status).toBe(400)
  expect(existsSync(blobPath('orphan'))).toBe(true)
  server.clock.advance(3600)
  await eventually(() => !existsSync(blobPath('orphan')))
})

test('contents that are sent again while they are being deleted are stored again', async () => {
  const old = await upload('again')
  await server.openai.files.delete(old.id)
  // A collector that has the lock and is about to remove the contents.
  const locked = gate()
  const removal = gate()
  const collector = server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from blobs for update' })
    locked.open()
    await removal.promise
    rmSync(blobPath('again'))
    await tx.query({ text: 'delete from blobs' })
  })
  await locked.promise
  const parts = [fieldPart('purpose', 'batch'), filePart('again')]
  const sending = post(parts)
  await eventually(async () => {
    const waiting = await server.db.query({
      text: `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%into blobs%'`,
    })
    return waiting.length > 0
  })
  removal.open()
  await collector
  const refused = await sending
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after-ms')).toBe('100')
  const { id } = (await post(parts)).body
  expect((await server.request('GET', `/files/${id}/content`)).body).toBe('again')
})

test('simultaneous uploads of the same content make one file each', async () => {
  const files = await Promise.all(Array.from({ length: 12 }, () => upload('the same')))
  expect(new Set(files.map((file) => file.id)).size).toBe(12)
  await Promise.all(files.slice(1).map((file) => server.openai.files.delete(file.id)))
  expect((await server.request('GET', `/files/${files[0]?.id}/content`)).body).toBe('the same')
})

test('files can be stored in a bucket, and deleted contents are removed from it', async () => {
  const tiny = await startTinyS3('spool')
  const bucket = await testServer({
    config: {
      blobs: {
        type: 's3',
        endpoint: tiny.endpoint,
        bucket: 'spool',
        region: 'us-east-1',
        access_key_id: 'key',
        secret_access_key: 'secret',
      },
    },
  })
  try {
    const content = randomBytes(200_000)
    const made = await bucket.openai.files.create({
      file: await toFile(content, 'a.bin'),
      purpose: 'batch',
    })
    const response = await bucket.openai.files.content(made.id)
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true)
    const stored = () => [...tiny.objects.keys()].filter((name) => name.startsWith('blobs/'))
    expect(stored()).toHaveLength(1)
    await bucket.openai.files.delete(made.id)
    bucket.clock.advance(3600)
    await eventually(() => stored().length === 0)
  } finally {
    await bucket.close()
    await tiny.close()
  }
})

test('a process with another blob store than the database recorded does not start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spool-other-blobs-'))
  try {
    await expect(server.sibling({ blobs: { type: 'disk', folder } })).rejects.toThrow(
      /^The files of this database are in the blob store disk-[0-9a-f-]{36}, and \S+ is the blob store disk-/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
