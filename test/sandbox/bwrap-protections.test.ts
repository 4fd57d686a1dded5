import { describe, expect, onTestFinished, test } from 'vitest'
import { type BwrapProtections, bwrapDriver } from '../../src/sandbox/bwrap/bwrap.ts'
import { openSandbox } from '../../src/sandbox/sandbox.ts'
import type { Log } from '../../src/util/log.ts'
import { expectNoProcessAfterKill } from '../contracts/killed-server.ts'
import { bwrapPath, pythonHas, pythonPath, testFolder, whyMissing } from './available.ts'

const folder = testFolder('protections')
const protections: BwrapProtections = { seccomp: true, environment: {}, network: false }

async function selfTest(weakened: Partial<BwrapProtections>) {
  const settings = { folder, pythonPath, bwrapPath, preload: [] }
  const driver = bwrapDriver(settings, { ...protections, ...weakened })
  onTestFinished(() => driver.close())
  return driver.selfTest()
}

describe.skipIf(whyMissing('bwrap') !== undefined)('the self-test of the bwrap sandbox', () => {
  test('passes with all protections', async () => {
    expect(await selfTest({})).toMatchObject({ ok: true })
  })

  test('fails without the system call filter', async () => {
    const { ok, why } = await selfTest({ seccomp: false })
    expect(ok).toBe(false)
    expect(why).toMatch(/netlink socket.*system call keyctl/)
  })

  test('fails when the environment of the server is passed on', async () => {
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

  test('an automatic choice takes the strongest driver, and lists the libraries', async () => {
    const sandbox = openSandbox({ choice: 'auto', dataDir: folder, log: () => {}, poolSize: 0 })
    onTestFinished(() => sandbox.close())
    expect(sandbox.describe()).toEqual({ driver: null, why: 'not chosen yet' })
    sandbox.start()
    await sandbox.use('a', async () => {})
    const { driver, libraries, why } = sandbox.describe()
    expect({ driver, why }).toEqual({ driver: 'bwrap', why: undefined })
    expect(libraries?.includes('numpy')).toBe(pythonHas('numpy'))
  })

  test('SIGKILL of the server leaves no process behind', async () => {
    await expectNoProcessAfterKill('bwrap', folder)
  })
})

test('a driver that cannot run is refused with its reason, and no code runs', async () => {
  const lines: unknown[] = []
  const log: Log = (_level, message, fields) => lines.push({ message, ...fields })
  const sandbox = openSandbox({ choice: 'bwrap', dataDir: folder, pythonPath: '/nowhere/python3', log })
  onTestFinished(() => sandbox.close())
  sandbox.start()
  await expect(sandbox.use('a', async () => 'ran')).rejects.toThrow('No sandbox works on this host')
  expect(sandbox.describe()).toEqual({
    driver: null,
    libraries: [],
    why: expect.stringContaining('bwrap: '),
  })
  const why = expect.stringContaining('there is no Python at')
  expect(lines).toEqual([{ message: 'sandbox driver refused', sandbox: 'bwrap', why }])
})

test('turned off, the sandbox says so', async () => {
  const sandbox = openSandbox({ choice: 'off', dataDir: folder, log: () => {} })
  sandbox.start()
  await expect(sandbox.use('a', async () => 'ran')).rejects.toThrow('turned off')
  expect(sandbox.describe()).toMatchObject({ driver: null, why: expect.stringContaining('turned off') })
})
