import { describe, expect, onTestFinished, test } from 'vitest'
import { landlockDriver, type LandlockProtections } from '../../src/sandbox/landlock/landlock.ts'
import { expectNoProcessAfterKill } from '../contracts/killed-server.ts'
import { sandboxContract } from '../contracts/sandbox.ts'
import { openFor, runCode } from '../contracts/sandbox-cells.ts'
import { pythonHas, pythonPath, testFolder, whyMissing } from './available.ts'

const skip = whyMissing('landlock')
const folder = testFolder('landlock')
const driver = landlockDriver({ folder, pythonPath, preload: [] })

sandboxContract({
  name: 'landlock',
  driver,
  skip,
  matplotlib: skip === undefined && pythonHas('matplotlib'),
})

describe.skipIf(skip !== undefined)('the landlock sandbox', () => {
  test('a cell sees its folder as /mnt/data, in what it writes and in what it prints', async () => {
    const session = await openFor(driver)
    const code = `
import os, subprocess
path = '/mnt/data/a.txt'
open(path, 'w').write('text')
name = 'a'
print(path, f'/mnt/data/{name}.txt', os.listdir('/mnt/data'))
print(subprocess.check_output('cat /mnt/data/a.txt', shell=True))
os.path.abspath('a.txt')`
    const { logs, files } = await runCode(session, code)
    expect(logs).toBe("/mnt/data/a.txt /mnt/data/a.txt ['a.txt']\nb'text'\n'/mnt/data/a.txt'\n")
    expect(files).toEqual([{ name: 'a.txt', bytes: 4 }])
  })

  test('two sessions run under two user ids, neither of them root', async () => {
    const ask = 'import os\nprint(os.getresuid())'
    const [one, other] = [await openFor(driver), await openFor(driver)]
    const ids = [(await runCode(one, ask)).logs, (await runCode(other, ask)).logs]
    expect(ids[0]).not.toBe(ids[1])
    expect(ids.join()).not.toMatch(/\b0\b/)
  })

  test.each([
    ['Landlock', { landlock: false }, /read .*canary.*read \/etc\/passwd/],
    ['the system call filter', { seccomp: false }, /inet socket.*system call keyctl/],
  ])('its self-test fails without %s', async (_protection, weakened: Partial<LandlockProtections>, why) => {
    const weak = landlockDriver(
      { folder, pythonPath, preload: [] },
      { landlock: true, seccomp: true, ...weakened },
    )
    onTestFinished(() => weak.close())
    const result = await weak.selfTest()
    expect(result.ok).toBe(false)
    expect(result.why).toMatch(why)
  })

  test('SIGKILL of the server leaves no process behind', async () => {
    await expectNoProcessAfterKill('landlock', folder)
  })
})
