import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { denoDriver } from '../../src/sandbox/deno/deno.ts'
import { provideWheels, type WheelSource } from '../../src/sandbox/deno/wheels.ts'
import { openFor, roomyLimits, runCode } from '../contracts/sandbox-cells.ts'
import { testFolder, whyMissing } from './available.ts'
import { storedZip } from './stored-zip.ts'

/** A wheel of one module, and one that depends on it. */
const base = storedZip({
  'toybase.py': 'def answer():\n    return 42\n',
  'toybase-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: toybase\nVersion: 1.0\n',
  'toybase-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  'toybase-1.0.dist-info/RECORD': '',
})
const top = storedZip({
  'toytop.py': 'import toybase\ndef ask():\n    return toybase.answer()\n',
  'toytop-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: toytop\nVersion: 1.0\n',
  'toytop-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  'toytop-1.0.dist-info/RECORD': '',
})
const files: Record<string, Buffer> = {
  '/toybase-1.0-py3-none-any.whl': base,
  '/toytop-1.0-py3-none-any.whl': top,
}

const asked: string[] = []
const server = createServer((request, response) => {
  asked.push(request.url ?? '')
  const file = files[request.url ?? '']
  response.writeHead(file ? 200 : 404).end(file)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
afterAll(() => server.close())
beforeEach(() => void asked.splice(0))

const address = server.address()
const port = typeof address === 'object' && address ? address.port : 0
const source: WheelSource = {
  baseUrl: `http://127.0.0.1:${port}/`,
  fetch,
  names: ['toytop'],
  timeoutMs: 10_000,
}

function entry(name: string, wheel: Buffer, depends: string[] = []) {
  return {
    name,
    version: '1.0',
    file_name: `${name}-1.0-py3-none-any.whl`,
    sha256: createHash('sha256').update(wheel).digest('hex'),
    install_dir: 'site',
    package_type: 'package',
    unvendored_tests: false,
    imports: [name],
    depends,
  }
}

const toys = { toybase: entry('toybase', base), toytop: entry('toytop', top, ['toybase']) }

function assets(name: string, packages: object): string {
  const folder = testFolder(name, onTestFinished)
  mkdirSync(join(folder, 'wheels'))
  writeFileSync(join(folder, 'pyodide-lock.json'), JSON.stringify({ info: {}, packages }))
  return folder
}

describe('the libraries of the deno sandbox', () => {
  test('a package comes with what it depends on, once, and is kept for a start without a network', async () => {
    const folder = assets('wheels', toys)
    expect(await provideWheels(folder, ['toytop'], source)).toEqual({ libraries: ['toytop', 'toybase'] })
    expect(asked).toHaveLength(2)
    expect(await provideWheels(folder, ['toytop'])).toEqual({ libraries: ['toytop', 'toybase'] })
    expect(asked).toHaveLength(2)
    const listed = JSON.parse(readFileSync(join(folder, 'wheels.json'), 'utf8'))
    expect(Object.keys(listed.packages)).toEqual(['toybase', 'toytop'])
  })

  test('without permission nothing is fetched and the library is missing', async () => {
    const folder = assets('wheels', toys)
    const { libraries, why } = await provideWheels(folder, ['toytop'])
    expect(libraries).toEqual([])
    expect(why).toContain('downloads are not allowed')
    expect(asked).toEqual([])
  })

  test('a wheel whose hash is not that of the lock file is not used', async () => {
    const folder = assets('wheels', { ...toys, toybase: { ...toys.toybase, sha256: '0'.repeat(64) } })
    const { libraries, why } = await provideWheels(folder, ['toytop', 'toybase'], source)
    expect(libraries).toEqual([])
    expect(why).toContain('does not have the hash in the lock file')
    expect(JSON.parse(readFileSync(join(folder, 'wheels.json'), 'utf8')).packages).toEqual({})
  })

  test('a wheel that is damaged in the cache is fetched again', async () => {
    const folder = assets('wheels', toys)
    await provideWheels(folder, ['toybase'], source)
    writeFileSync(join(folder, 'wheels', toys.toybase.file_name), 'spoilt')
    expect(await provideWheels(folder, ['toybase'], source)).toEqual({ libraries: ['toybase'] })
    expect(asked).toHaveLength(2)
  })

  test('the reason names a server that does not have the file or cannot be reached', async () => {
    const folder = assets('wheels', { gone: entry('gone', base) })
    const missing = await provideWheels(folder, ['gone', 'never-heard-of'], source)
    expect(missing.why).toMatch(/gone-1\.0.* answers 404; never-heard-of: Pyodide has no package/)
    const dark = await provideWheels(folder, ['gone'], { ...source, baseUrl: 'http://127.0.0.1:1/' })
    expect(dark.why).toContain('gone: ')
  })

  test.skipIf(whyMissing('deno') !== undefined)('a fetched package can be imported in a cell', async () => {
    const folder = testFolder('deno-wheels', onTestFinished)
    const log = () => {}
    const plain = denoDriver({ folder, log })
    await (await plain.open(roomyLimits)).close()
    const [name = ''] = readdirSync(folder)
    const lock = join(folder, name, 'pyodide-lock.json')
    const real = JSON.parse(readFileSync(lock, 'utf8'))
    writeFileSync(lock, JSON.stringify({ ...real, packages: { ...real.packages, ...toys } }))
    const driver = denoDriver({ folder, log, wheels: source })
    expect(await driver.selfTest()).toEqual({ ok: true, libraries: ['toytop', 'toybase'] })
    const session = await openFor(driver)
    expect((await runCode(session, 'import toytop\ntoytop.ask()')).logs).toBe('42\n')
    expect((await runCode(session, 'import numpy')).logs).toContain("No module named 'numpy'")
    await driver.close()
  })
})
