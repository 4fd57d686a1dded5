/** A server to be killed: opens a session of the named driver, has a cell run in it without end, and says so. */
import { bwrapDriver } from '../../src/sandbox/bwrap/bwrap.ts'
import { denoDriver } from '../../src/sandbox/deno/deno.ts'
import { landlockDriver } from '../../src/sandbox/landlock/landlock.ts'
import { defaultLimits } from '../../src/sandbox/limits.ts'

const [name = '', folder = ''] = process.argv.slice(2)
const places = { folder, pythonPath: '/usr/bin/python3', preload: [] }
const drivers: Record<string, () => ReturnType<typeof bwrapDriver>> = {
  bwrap: () => bwrapDriver({ ...places, bwrapPath: '/usr/bin/bwrap' }),
  landlock: () => landlockDriver(places),
  deno: () => denoDriver({ folder, log: () => {} }),
}
const driver = drivers[name]?.()
if (!driver) throw new Error(`There is no driver ${name}.`)
const { signal } = new AbortController()
// One session rests after a cell, and stands still; the other is in the middle of one.
const resting = await driver.open(defaultLimits)
await resting.run('1 + 1', () => {}, signal)
const session = await driver.open(defaultLimits)
const start = `
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(15, 1); time.sleep(600)'], start_new_session=True)
time.sleep(0.3)`
const code = `${name === 'deno' ? '' : start}
print('up', flush=True)
while True:
    pass`
await session.run(code, (event) => event.type === 'logs' && console.log(event.text), signal)
