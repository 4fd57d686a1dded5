import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defaultChunkSizes } from '../../src/documents/chunk.ts'
import { readChunks } from '../../src/documents/chunk-file.ts'
import { TermPacker } from '../../src/documents/terms.ts'
import { defaultParseLimits, ParseProcesses } from '../../src/documents/parse-processes.ts'

let folder = ''
const parsers = new ParseProcesses({ ...defaultParseLimits, processes: 1, maxRssBytes: 600 << 20 })
const never = new AbortController().signal

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spool-chunk-'))
})
afterAll(async () => {
  await parsers.close()
  await rm(folder, { recursive: true })
})

async function chunk(content: string, maxTokens: number) {
  const [input, sections, output] = [join(folder, 'input'), join(folder, 'sections'), join(folder, 'chunks')]
  await writeFile(input, content)
  const limits = { maxCharacters: 64_000_000, inflateBytes: 0 }
  await parsers.run({ kind: 'extract', input, output: sections, format: 'text', ...limits }, never)
  const job = { kind: 'chunk', input: sections, output, sizes: defaultChunkSizes, maxTokens } as const
  const result = await parsers.run(job, never)
  return { result, output }
}

test('a file becomes chunks on disk, in order and in bounded memory', async () => {
  const line = 'Every line of this long file says something about rivers, weirs and locks.\n'
  const { result, output } = await chunk(line.repeat(60_000), 5_000_000)
  let count = 0
  let start = -1
  for await (const one of readChunks(output)) {
    expect(one.start).toBeGreaterThan(start)
    expect(Buffer.from(one.terms)).toEqual(Buffer.from(await new TermPacker().pack(one.text)))
    start = one.start
    count += 1
  }
  expect(count).toBe(result.chunks)
  expect(count).toBeGreaterThan(2000)
})

test('a file of too many tokens is refused', async () => {
  await expect(chunk('one two three four five six '.repeat(1000), 5000)).rejects.toMatchObject({
    code: 'invalid_file',
    message: 'The file could not be parsed because it is too large.',
  })
})

test('a program that closes the parsers ends by itself, whether they were used or not', async () => {
  const script = join(folder, 'ends.mts')
  const module = new URL('../../src/documents/parse-processes.ts', import.meta.url).href
  const job = JSON.stringify({ kind: 'extract', format: 'text', maxCharacters: 10, inflateBytes: 0 })
  const paths = JSON.stringify({ input: join(folder, 'input'), output: join(folder, 'sections') })
  await writeFile(join(folder, 'input'), 'words')
  await writeFile(
    script,
    `import { defaultParseLimits, ParseProcesses } from '${module}'
    const parsers = new ParseProcesses()
    await parsers.run({ ...${job}, ...${paths} }, new AbortController().signal)
    await parsers.close()
    await new ParseProcesses().close()
    process.stdout.write('closed')`,
  )
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    pathToFileURL(tsx).href,
    script,
  ])
  expect(stdout).toBe('closed')
})
