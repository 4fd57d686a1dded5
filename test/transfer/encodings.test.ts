/** Saved objects in other encodings than UTF-8. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importInto, message, setUpEach, text } from './fixtures.ts'

const setup = setUpEach()

const write = (name: string, bytes: Buffer) => writeFileSync(join(setup.folder.path, name), bytes)
const bigEndian = (value: string) => Buffer.from(value, 'utf16le').swap16()

/** The texts of the messages, oldest first. */
async function textsOf(thread_id: string): Promise<string[]> {
  const { data } = await setup.server.openai.beta.threads.messages.list(thread_id, { order: 'asc' })
  return data.flatMap(({ content }) => content.map((part) => (part.type === 'text' ? part.text.value : '')))
}

test.each([
  ['Windows-1252', (value: string) => Buffer.from(value, 'latin1')],
  ['UTF-16 with the low byte first and no mark', (value: string) => Buffer.from(value, 'utf16le')],
  ['UTF-16 with the high byte first and no mark', bigEndian],
  ['UTF-16 with the high byte first', (value: string) => bigEndian(`\uFEFF${value}`)],
])('texts in %s are read without loss', async (_, encode) => {
  const lines = ['Grüße aus Köln', 'déjà vu à la crème'].map((value, at) =>
    JSON.stringify(message('thread_l', `msg_${at}`, at, { content: text(value) })),
  )
  write('lines.ndjson', encode(lines.join('\n')))
  write(
    'document.json',
    encode(JSON.stringify([message('thread_d', 'msg_d', 1, { content: text('Größe') })])),
  )
  write('rows.csv', encode('thread_id;role;text\r\nthread_r;user;"Öl, süß"\r\n'))
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.skipped).toEqual([])
  expect(await textsOf('thread_l')).toEqual(['Grüße aus Köln', 'déjà vu à la crème'])
  expect(await textsOf('thread_d')).toEqual(['Größe'])
  expect(await textsOf('thread_r')).toEqual(['Öl, süß'])
})

test.each([
  ['low', (value: string) => Buffer.from(value, 'utf16le')],
  ['high', bigEndian],
])('long Chinese texts in UTF-16 with the %s byte first and no mark are read', async (_, encode) => {
  // U+4E00 and U+3000 have a zero byte where ASCII has none.
  const value = '一般来说，我们今天一起讨论　这个问题。'.repeat(100)
  const line = (at: number) => JSON.stringify(message('thread_l', `msg_${at}`, at, { content: text(value) }))
  write('lines.ndjson', encode(`${line(1)}\n${line(2)}`))
  write('document.json', encode(JSON.stringify([message('thread_d', 'msg_d', 1, { content: text(value) })])))
  write('rows.csv', encode(`thread_id;role;text\r\nthread_r;user;"${value}"\r\n`))
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.skipped).toEqual([])
  for (const id of ['thread_l', 'thread_d', 'thread_r']) expect((await textsOf(id))[0]).toBe(value)
})

const undecoded = {
  kind: 'value',
  reason: 'some of its bytes are not valid characters: they were replaced by U+FFFD; save it as UTF-8',
}

test.each([
  ['one byte of Latin-1 among UTF-8', Buffer.from('Grüße, Köln, süß ')],
  ['a character of UTF-8 that is cut', Buffer.from('süß: Größe 💡').subarray(0, -2)],
])('a file with %s is imported, and the report names it', async (_, value) => {
  const [head = '', tail = ''] = JSON.stringify(
    message('thread_l', 'msg_1', 1, { content: text('#') }),
  ).split('#')
  write('lines.ndjson', Buffer.concat([Buffer.from(head), value, Buffer.from([0xe9]), Buffer.from(tail)]))
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.skipped).toEqual([{ ...undecoded, count: 1, examples: ['lines.ndjson:1'] }])
  expect(report.kinds.message).toMatchObject({ imported: 1 })
  expect((await textsOf('thread_l'))[0]).toContain('\uFFFD')
})

test('an invalid byte far behind the beginning of a large file is reported too', async () => {
  const lines = Array.from({ length: 400 }, (_, at) =>
    JSON.stringify(message('thread_l', `msg_${at}`, at, { content: text('ü'.repeat(500)) })),
  )
  const bytes = Buffer.from(lines.join('\n'))
  bytes[bytes.lastIndexOf('ü') + 1] = 0x20
  write('lines.ndjson', bytes)
  const report = await importInto(setup.server, setup.folder.path)
  expect(report.skipped).toMatchObject([{ ...undecoded, count: 1 }])
  expect(report.kinds.message).toMatchObject({ imported: 400 })
})
