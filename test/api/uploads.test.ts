import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { toFile } from 'openai'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { type Upload, UploadPart } from '../../src/api/uploads.ts'
import { closeUpload } from '../../src/domain/uploads.ts'
import { fieldPart, filePart, formBody, formType } from '../harness/forms.ts'
import { testServer, wireError, type Answer, type TestServer } from '../harness/server.ts'
import { statementsBy } from '../harness/statements.ts'
import { eventually } from '../harness/stories.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await server.close()
})

const hour = 3600

async function create(bytes: number, more: object = {}): Promise<Upload> {
  const { status, body } = await server.request('POST', '/uploads', {
    filename: 'x.jsonl',
    purpose: 'fine-tune',
    bytes,
    mime_type: 'text/jsonl',
    ...more,
  })
  expect(status).toBe(200)
  return body
}

async function send(upload: { id: string }, parts: Parameters<typeof formBody>[0]): Promise<Answer> {
  const response = await fetch(`${server.url}/uploads/${upload.id}/parts`, {
    method: 'POST',
    headers: { authorization: 'Bearer test-key', ...formType },
    body: formBody(parts),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

async function addPart(upload: { id: string }, content: string | Buffer): Promise<string> {
  const { status, body } = await send(upload, [filePart(content, 'blob', 'data')])
  expect(status).toBe(200)
  return body.id
}

const complete = (upload: { id: string }, part_ids: string[], more: object = {}) =>
  server.request('POST', `/uploads/${upload.id}/complete`, { part_ids, ...more })

const cancel = (upload: { id: string }) => server.request('POST', `/uploads/${upload.id}/cancel`)

const md5 = (content: string | Buffer) => createHash('md5').update(content).digest('hex')

function blobPath(content: string): string {
  const hash = createHash('sha256').update(content).digest('hex')
  return join(server.dataDir, 'blobs', hash.slice(0, 2), hash.slice(2, 4), hash)
}

test('an upload becomes a file when it is completed, with the fields of the live service', async () => {
  const now = Math.floor(server.clock.nowMs() / 1000)
  const upload = await create(8)
  const pending = {
    id: upload.id,
    object: 'upload',
    bytes: 8,
    created_at: now,
    filename: 'x.jsonl',
    purpose: 'fine-tune',
    status: 'pending',
    expires_at: now + hour,
  }
  expect(JSON.stringify(upload)).toBe(JSON.stringify(pending))
  expect(upload.id).toMatch(/^upload_[0-9a-f]{32}$/)
  const { body: part } = await send(upload, [filePart('12345678', 'blob', 'data')])
  UploadPart.parse(part)
  expect(part.id).toMatch(/^part_[0-9a-f]{32}$/)
  expect(JSON.stringify(part)).toBe(
    JSON.stringify({ id: part.id, object: 'upload.part', created_at: now, upload_id: upload.id }),
  )
  expect((await server.openai.files.list()).data).toEqual([])
  const { body: completed } = await complete(upload, [part.id])
  const file = {
    object: 'file',
    id: completed.file.id,
    purpose: 'fine-tune',
    filename: 'x.jsonl',
    bytes: 8,
    created_at: now,
    expires_at: null,
    status: 'processed',
    status_details: null,
  }
  expect(JSON.stringify(completed)).toBe(JSON.stringify({ ...pending, status: 'completed', file }))
  expect((await server.openai.files.list()).data).toEqual([file])
  expect(await (await server.openai.files.content(file.id)).text()).toBe('12345678')
})

test('parts that the official SDK sends at the same time are joined in the requested order', async () => {
  const pieces = Array.from({ length: 9 }, (_, index) => randomBytes(50_000 + index))
  const content = Buffer.concat(pieces)
  const upload = await server.openai.uploads.create({
    bytes: content.length,
    filename: 'big.bin',
    mime_type: 'application/octet-stream',
    purpose: 'vision',
  })
  const parts = await Promise.all(
    pieces
      .toReversed()
      .map(async (piece) =>
        server.openai.uploads.parts.create(upload.id, { data: await toFile(piece, 'part') }),
      ),
  )
  const completed = await server.openai.uploads.complete(upload.id, {
    part_ids: parts.map((part) => part.id).toReversed(),
    md5: md5(content).toUpperCase(),
  })
  expect(completed.status).toBe('completed')
  const stored = await server.openai.files.content(completed.file?.id ?? '')
  expect(Buffer.from(await stored.arrayBuffer()).equals(content)).toBe(true)
})

test('parts that the completion does not name are left out', async () => {
  const upload = await create(4)
  const [first, , last] = [
    await addPart(upload, 'ab'),
    await addPart(upload, 'xx'),
    await addPart(upload, 'cd'),
  ]
  const { body } = await complete(upload, [last, first])
  expect(await (await server.openai.files.content(body.file.id)).text()).toBe('cdab')
})

test('a part may have no file name and any content type', async () => {
  const content = Buffer.from([0xff, 0x00, 0xfe, 0x0d, 0x0a, 0x80])
  const upload = await create(content.length * 2)
  const plain = await send(upload, [{ headers: ['Content-Disposition: form-data; name="data"'], content }])
  const typed = await send(upload, [
    {
      headers: ['Content-Disposition: form-data; name="data"', 'Content-Type: application/octet-stream'],
      content,
    },
  ])
  const { body } = await complete(upload, [plain.body.id, typed.body.id])
  const stored = await server.openai.files.content(body.file.id)
  expect(Buffer.from(await stored.arrayBuffer()).equals(Buffer.concat([content, content]))).toBe(true)
})

test('a part of 64 MB is accepted, one byte more is refused', async () => {
  const limit = 64 * 1024 * 1024
  const upload = await create(limit)
  const post = async (bytes: number) => {
    const chunk = Buffer.alloc(1024 * 1024)
    const body = async function* () {
      yield Buffer.from('--b\r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\n')
      for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left)
      yield Buffer.from('\r\n--b--\r\n')
    }
    const response = await fetch(`${server.url}/uploads/${upload.id}/parts`, {
      method: 'POST',
      headers: { authorization: 'Bearer test-key', ...formType },
      body: Readable.toWeb(Readable.from(body())),
      duplex: 'half',
    } as RequestInit)
    return { status: response.status, body: (await response.json()) as any }
  }
  expect(await post(limit + 1)).toMatchObject(wireError(errors.partTooLarge(limit)))
  const part = await post(limit)
  expect((await complete(upload, [part.body.id])).body.file.bytes).toBe(limit)
})

test('the file of an upload may have an expiry', async () => {
  const upload = await create(2, { expires_after: { anchor: 'created_at', seconds: 2 * hour } })
  server.clock.advance(10)
  const { body } = await complete(upload, [await addPart(upload, 'ab')])
  expect(body.file.expires_at).toBe(upload.created_at + 10 + 2 * hour)
})

test('a file name with directories is kept unchanged', async () => {
  const upload = await create(2, { filename: '../../etc/passwd' })
  expect(upload.filename).toBe('../../etc/passwd')
})

test.each([
  [{ bytes: 0 }, errors.integerTooSmall('bytes', 1, 0)],
  [{ bytes: 8 * 1024 ** 3 + 1 }, errors.integerTooBig('bytes', 8 * 1024 ** 3, 8 * 1024 ** 3 + 1)],
  [{ filename: '' }, errors.emptyString('filename')],
  [{ filename: 'n'.repeat(600) }, errors.stringTooLong('filename', 512, 600)],
  [{ mime_type: undefined }, errors.missingParameter('mime_type')],
  [
    { purpose: 'nonsense' },
    errors.invalidValue('purpose', 'nonsense', ['assistants', 'batch', 'fine-tune', 'vision', 'user_data']),
  ],
])('an upload with %j is refused', async (more, error) => {
  const body = { filename: 'a', purpose: 'batch', bytes: 1, mime_type: 'text/plain', ...more }
  expect(await server.request('POST', '/uploads', body)).toMatchObject(wireError(error))
})

test('the largest upload is allowed', async () => {
  expect((await create(8 * 1024 ** 3)).bytes).toBe(8 * 1024 ** 3)
})

test.each([
  ['no data', [], errors.requiredProperty('data')],
  ['another file', [filePart('x')], errors.unknownParameter('file')],
  ['another field', [filePart('x', 'a', 'data'), fieldPart('foo', '1')], errors.unknownParameter('foo')],
  [
    'two parts',
    [filePart('x', 'a', 'data'), filePart('y', 'b', 'data')],
    errors.invalidForm("'data' is given more than once"),
  ],
])('a form with %s is refused as a part', async (_, parts, error) => {
  const { status, body } = await send(await create(1), parts)
  expect({ status, message: body.error.message }).toEqual({ status: error.status, message: error.message })
})

test('a completion that does not match the parts is refused, and can be corrected', async () => {
  const upload = await create(4)
  const [ab, cd] = [await addPart(upload, 'ab'), await addPart(upload, 'cd')]
  const other = await create(2)
  const foreign = await addPart(other, 'ab')
  const refused = async (part_ids: string[], error: Parameters<typeof wireError>[0], more: object = {}) =>
    expect(await complete(upload, part_ids, more)).toMatchObject(wireError(error))
  await refused([], errors.emptyArray('part_ids'))
  await refused([ab, ab], errors.duplicatePart(ab))
  await refused([ab, 'part_none'], errors.notFound('part', 'part_none'))
  await refused([ab, foreign], errors.notFound('part', foreign))
  await refused([ab], errors.uploadBytesMismatch(2, 4))
  await refused([ab, cd], errors.uploadMd5Mismatch(md5('abcd'), 'beef'), { md5: 'beef' })
  expect((await server.openai.files.list()).data).toEqual([])
  expect((await complete(upload, [ab, cd], { md5: md5('abcd') })).status).toBe(200)
})

test('a completed upload refuses parts, completion and cancellation', async () => {
  const upload = await create(2)
  const part = await addPart(upload, 'ab')
  await complete(upload, [part])
  const refused = wireError(errors.uploadNotPending(upload.id, 'completed'))
  expect(await send(upload, [filePart('x', 'a', 'data')])).toMatchObject(refused)
  expect(await complete(upload, [part])).toMatchObject(refused)
  expect(await cancel(upload)).toMatchObject(refused)
})

test('a cancelled upload refuses parts, completion and cancellation', async () => {
  const upload = await create(2)
  const part = await addPart(upload, 'ab')
  const cancelled = await server.openai.uploads.cancel(upload.id)
  expect(cancelled).toEqual({ ...upload, status: 'cancelled' })
  const refused = wireError(errors.uploadNotPending(upload.id, 'cancelled'))
  expect(await send(upload, [filePart('x', 'a', 'data')])).toMatchObject(refused)
  expect(await complete(upload, [part])).toMatchObject(refused)
  expect(await cancel(upload)).toMatchObject(refused)
})

test('an upload expires after an hour', async () => {
  const upload = await create(2)
  const part = await addPart(upload, 'ab')
  server.clock.advance(hour - 1)
  await addPart(upload, 'cd')
  server.clock.advance(1)
  const refused = wireError(errors.uploadNotPending(upload.id, 'expired'))
  expect(await complete(upload, [part])).toMatchObject(refused)
  expect(await send(upload, [filePart('x', 'a', 'data')])).toMatchObject(refused)
  await eventually(async () => {
    const [row] = await server.db.query<{ status: string }>({ text: 'select status from uploads' })
    return row?.status === 'expired'
  })
  expect(await complete(upload, [part])).toMatchObject(refused)
  expect(await server.db.query({ text: 'select id from upload_parts' })).toEqual([])
})

test('one of two simultaneous completions, or of a completion and a cancellation, succeeds', async () => {
  for (const rival of ['cancel', 'complete']) {
    const upload = await create(2)
    const part = await addPart(upload, rival === 'cancel' ? 'ab' : 'cd')
    const answers = await Promise.all([
      complete(upload, [part]),
      rival === 'cancel' ? cancel(upload) : complete(upload, [part]),
    ])
    expect(answers.map((answer) => String(answer.status)).toSorted()).toEqual(['200', '400'])
    const won = answers.find((answer) => answer.status === 200)?.body as Upload
    const files = (await server.openai.files.list()).data.map((file) => file.id)
    expect(files.filter((id) => id === won.file?.id)).toHaveLength(won.status === 'completed' ? 1 : 0)
  }
})

test.each([
  ['cancelled', (upload: Upload) => cancel(upload)],
  ['completed', (upload: Upload, part: string) => complete(upload, [part])],
])('a completion of an upload that is %s before its parts are read is refused with 400', async (_, end) => {
  const upload = await create(2)
  const part = await addPart(upload, 'ab')
  let isEnded = false
  statementsBy(async ({ text }, execute) => {
    if (isEnded || !/^select .* from upload_parts where/.test(text)) return execute()
    isEnded = true
    expect((await end(upload, part)).status).toBe(200)
    return execute()
  })
  expect((await complete(upload, [part])).status).toBe(400)
})

test('the contents of parts are deleted an hour after the upload ended, and the file is kept', async () => {
  const done = await create(4)
  const { body } = await complete(done, [await addPart(done, 'ab'), await addPart(done, 'cd')])
  const single = await create(3)
  const { body: same } = await complete(single, [await addPart(single, 'one')])
  const cancelled = await create(2)
  await addPart(cancelled, 'ef')
  await cancel(cancelled)
  server.clock.advance(hour)
  await eventually(() => ['ab', 'cd', 'ef'].every((content) => !existsSync(blobPath(content))))
  server.clock.advance(hour)
  const marker = await create(2)
  await addPart(marker, 'gh')
  await cancel(marker)
  server.clock.advance(hour)
  await eventually(() => !existsSync(blobPath('gh')))
  expect(await (await server.openai.files.content(body.file.id)).text()).toBe('abcd')
  expect(await (await server.openai.files.content(same.file.id)).text()).toBe('one')
})

test('an upload whose joined content was deleted in the meantime is not completed, and can be completed again', async () => {
  const upload = await create(2)
  const part = await addPart(upload, 'ab')
  const missing = { id: upload.id, status: 'completed' as const, keeps: 'f'.repeat(64) }
  const closing = server.db.transaction((tx) => closeUpload(server, tx, missing))
  await expect(closing).rejects.toMatchObject({ status: 503 })
  expect((await complete(upload, [part])).status).toBe(200)
})

test('uploads of another project and unknown uploads are not found', async () => {
  const keys = new Map([
    ['test-key', 'a'],
    ['key-b', 'b'],
  ])
  const shared = await server.sibling({ keys })
  const upload = await shared.openai.uploads.create({
    bytes: 1,
    filename: 'a',
    mime_type: 'a/b',
    purpose: 'batch',
  })
  const stranger = shared.openai.withOptions({ apiKey: 'key-b' })
  const message = errors.notFound('upload', upload.id).message
  await expect(stranger.uploads.cancel(upload.id)).rejects.toThrow(message)
  await expect(stranger.uploads.complete(upload.id, { part_ids: ['part_x'] })).rejects.toThrow(message)
  const data = await toFile(Buffer.from('x'), 'a')
  await expect(stranger.uploads.parts.create(upload.id, { data })).rejects.toThrow(message)
  const none = errors.notFound('upload', 'upload_none')
  expect(await cancel({ id: 'upload_none' })).toMatchObject(wireError(none))
  expect((await cancel({ id: 'a%00b' })).status).toBe(404)
})
