import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ParseFailure } from '../../src/documents/parse-failure.ts'
import { ParseProcesses } from '../../src/documents/parse-processes.ts'
import { odt, zip, zipBomb } from './make-files.ts'
import { documentReader } from './reader.ts'

const reader = documentReader()
const tooLarge = 'invalid_file: The file could not be parsed because it is too large.'
const tooDeep = 'invalid_file: The file could not be parsed because its elements are nested too deeply.'

test('a zip bomb is refused while it inflates', async () => {
  expect(await reader.failure('a.docx', zipBomb(40))).toBe(tooLarge)
  expect(await reader.failure('a.xlsx', zipBomb(40))).toBe(tooLarge)
})

test('documents of millions of nested elements, or of elements with thousands of attributes, are refused', async () => {
  const nested = `<w:document><w:body>${'<w:p>'.repeat(1_000_000)}`
  expect(await reader.failure('a.docx', zip({ 'word/document.xml': nested }))).toBe(tooDeep)
  expect(await reader.failure('a.odt', odt('<text:span>'.repeat(1_000_000)))).toBe(tooDeep)
  const attributes = Array.from({ length: 20_000 }, (_, index) => `a${index}="1"`).join(' ')
  const wide = `<w:document><w:body ${attributes}/></w:document>`
  expect(await reader.failure('a.docx', zip({ 'word/document.xml': wide }))).toBe(tooDeep)
  expect(await reader.failure('a.html', '<div>'.repeat(500_000))).toBe(tooDeep)
})

test('a web page of 100,000 nested elements is read', async () => {
  expect(await reader.text('a.html', `${'<div>'.repeat(100_000)}deep`)).toBe('deep\n\n')
})

test('a text of 100 megabytes is refused and the next file is read', async () => {
  expect(await reader.failure('a.txt', Buffer.alloc(100 << 20, 'word '))).toBe(tooLarge)
  expect(await reader.text('a.txt', 'still here')).toBe('still here')
})

describe('a parser with little memory', () => {
  const small = documentReader({ maxRssBytes: 200 << 20 })

  test('is killed when it exceeds the limit, and the next file is read', async () => {
    const huge = Buffer.concat([Buffer.from('{\\rtf1 '), Buffer.alloc(200 << 20, 'a')])
    expect(await small.failure('a.rtf', huge)).toBe(tooLarge)
    expect(await small.text('a.txt', 'still here')).toBe('still here')
  })

  test('is killed by a pdf whose page inflates to hundreds of megabytes, and the next file is read', async () => {
    const page = deflateSync(Buffer.alloc(400 << 20, '(a) Tj '))
    const bomb = Buffer.concat([
      Buffer.from('%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n'),
      Buffer.from('2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n'),
      Buffer.from('3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\nendobj\n'),
      Buffer.from(`4 0 obj\n<< /Filter /FlateDecode /Length ${page.length} >>\nstream\n`),
      page,
      Buffer.from('\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n'),
    ])
    expect(await small.failure('a.pdf', bomb)).toBe(tooLarge)
    expect(await small.text('a.txt', 'still here')).toBe('still here')
  })
})

describe('a parser with little processor time', () => {
  const hasty = documentReader({ cpu: { baseMs: 1, perMebibyteMs: 0, mostMs: 1 } })
  const bySize = documentReader({ cpu: { baseMs: 0, perMebibyteMs: 60_000, mostMs: 60_000 } })

  test('is killed when it has used up its time, and the file fails with the reason', async () => {
    expect(await hasty.failure('a.txt', Buffer.alloc(30 << 20, 'word '))).toMatch(
      /^invalid_file: .* takes too long to read\.$/,
    )
  })

  test('gets more time for a larger file', async () => {
    expect(await bySize.text('a.txt', Buffer.alloc(1 << 20, 'word '))).toHaveLength(1 << 20)
  })
})

test('a child process that ends for another reason than the file fails the job, not the file', async () => {
  let error: unknown
  const { result } = await readLongFile(new AbortController().signal)
  const settled = result.catch((failure: unknown) => {
    error = failure
  })
  await expect
    .poll(() => {
      for (const child of parserChildren()) process.kill(child, 'SIGTERM')
      return error
    })
    .toBeDefined()
  await settled
  expect(String(error)).toBe('Error: a parser process ended with SIGTERM')
  expect(error).not.toBeInstanceOf(ParseFailure)
  expect(await reader.text('a.txt', 'still here')).toBe('still here')
})

test('reading can be aborted', async () => {
  const control = new AbortController()
  const { result } = await readLongFile(control.signal)
  control.abort(new Error('aborted by the test'))
  await expect(result).rejects.toThrow('aborted by the test')
  expect(await reader.text('a.txt', 'still here')).toBe('still here')
})

test('a job that is aborted when its turn comes gives its turn to the next one', async () => {
  const control = new AbortController()
  const { signal } = control
  const remove = signal.removeEventListener.bind(signal)
  // The listener is removed when the job gets its turn.
  signal.removeEventListener = (...parts: Parameters<typeof remove>) => {
    remove(...parts)
    control.abort(new Error('aborted by the test'))
  }
  const read = await shortJob(reader.parsers, 'one')
  const [first, aborted, next] = [read(), read(signal), read()]
  await expect(aborted).rejects.toThrow('aborted by the test')
  expect([(await first).characters, (await next).characters]).toEqual([5, 5])
})

test.runIf(process.platform === 'linux')('a parser gets no environment of the server', async () => {
  process.env.SPOOL_TEST_SECRET = 'secret-of-the-server'
  onTestFinished(() => void delete process.env.SPOOL_TEST_SECRET)
  const fresh = new ParseProcesses()
  onTestFinished(() => fresh.close())
  const before = new Set(parserChildren())
  await (
    await shortJob(fresh, 'two')
  )()
  const children = parserChildren().filter((pid) => !before.has(pid))
  expect(children).toHaveLength(1)
  for (const pid of children) expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('secret')
})

/** A function that reads a file of five letters, as often as it is called. */
async function shortJob(parsers: ParseProcesses, name: string) {
  const input = join(reader.folder(), name)
  await writeFile(input, 'words')
  const job = { kind: 'extract', input, output: `${input}-sections`, format: 'text' } as const
  return (signal = new AbortController().signal) =>
    parsers.run({ ...job, maxCharacters: 100, inflateBytes: 1 }, signal)
}

async function readLongFile(signal: AbortSignal) {
  const input = join(reader.folder(), 'long')
  await writeFile(input, Buffer.alloc(50 << 20, 'word '))
  const job = { kind: 'extract', input, output: join(reader.folder(), 'sections'), format: 'text' } as const
  return { result: reader.parsers.run({ ...job, maxCharacters: 64_000_000, inflateBytes: 1 }, signal) }
}

function parserChildren(): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  return rows
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .filter((found) => Number(found?.[2]) === process.pid && found?.[3]?.includes('parse-child'))
    .map((found) => Number(found?.[1]))
}
