import { describe, expect, onTestFinished, test } from 'vitest'
import { type BwrapWalls, bwrapDriver } from '../../src/sandbox/bwrap/bwrap.ts'
import { openSandbox } from '../../src/sandbox/open.ts'
import { killServer } from '../contracts/killed-server.ts'
import { bwrapPath, pythonHas, pythonPath, testFolder, whyMissing } from './available.ts'

const folder = testFolder('walls')
const walls: BwrapWalls = { seccomp: true, environment: {}, network: false }

async function selfTest(weakened: Partial<BwrapWalls>) {
  const settings = { folder, pythonPath, bwrapPath, preload: [] }
  const driver = bwrapDriver(settings, { ...walls, ...weakened })
  onTestFinished(() => driver.close())
  return driver.selfTest()
}

describe.skipIf(whyMissing('bwrap') !== undefined)('the self-test of the bwrap sandbox', () => {
  test('passes with every wall up', async () => {
    expect(await selfTest({})).toMatchObject({ ok: true })
  })

  test('fails without the system call filter', async () => {
    const { ok, why } = await selfTest({ seccomp: false })
    expect(ok).toBe(false)
    expect(why).toMatch(/netlink socket.*system call keyctl/)
  })

  test('fails when the server gives its environment along', async () => {
    const { ok, why } = await selfTest({ environment: { OPENAI_API_KEY: 'sk-canary' } })
    expect(ok).toBe(false)
    expect(why).toContain('environment of the server')
  })

  test('fails when the network is shared', async () => {
    const { ok, why } = await selfTest({ network: true, seccomp: false })
    expect(ok).toBe(false)
    expect(why).toContain('127.0.0.1')
    expect(why).toContain('abstract socket')
  })

  test('chosen by itself it is the strongest, and says what can be imported', async () => {
    const log = { info: () => {}, warn: () => {} }
    const sandboxes = await openSandbox({ choice: 'auto', dataDir: folder, log, poolSize: 0 })
    onTestFinished(() => sandboxes.close())
    const { driver, libraries, why } = sandboxes.describe()
    expect({ driver, why }).toEqual({ driver: 'bwrap', why: undefined })
    expect(libraries.includes('numpy')).toBe(pythonHas('numpy'))
  })

  test('SIGKILL of the server leaves no process behind', async () => {
    expect(await killServer('bwrap', folder)).toEqual([])
  })
})

test('a driver that cannot run is refused with its reason, and no code runs', async () => {
  const lines: object[] = []
  const log = { info: (fields: object) => lines.push(fields), warn: () => {} }
  const sandboxes = await openSandbox({
    choice: 'bwrap',
    dataDir: folder,
    pythonPath: '/nowhere/python3',
    log,
  })
  onTestFinished(() => sandboxes.close())
  expect(sandboxes.describe()).toEqual({ libraries: [], why: expect.stringContaining('bwrap: ') })
  expect(lines).toEqual([{ sandbox: 'bwrap', why: expect.stringContaining('there is no Python at') }])
  await expect(sandboxes.use('a', async () => 'ran')).rejects.toThrow('No sandbox works on this host')
})

test('turned off, the sandbox says so', async () => {
  const sandboxes = await openSandbox({
    choice: 'off',
    dataDir: folder,
    log: { info: () => {}, warn: () => {} },
  })
  expect(sandboxes.describe()).toEqual({ libraries: [], why: expect.stringContaining('turned off') })
  await expect(sandboxes.use('a', async () => 'ran')).rejects.toThrow('turned off')
})
