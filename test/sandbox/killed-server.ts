/** A server that a test kills: it runs an endless cell in a session of the named driver, and prints `up`. */
import { bwrapDriver } from '../../src/sandbox/bwrap/bwrap.ts'
import { denoDriver } from '../../src/sandbox/deno/deno.ts'
import { landlockDriver } from '../../src/sandbox/landlock/landlock.ts'
import { defaultLimits } from '../../src/sandbox/port.ts'

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
// One session is idle after a cell, and stopped; the other one runs a cell.
const idle = await driver.open(defaultLimits)
await idle.run('1 + 1', () => {}, signal)
const session = await driver.open(defaultLimits)
const start = `
import subprocess, sys, time
daemon = 'import signal, time; signal.signal(15, 1); print("ready", flush=True); time.sleep(600)'
child = subprocess.Popen([sys.executable, '-c', daemon], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()`
const code = `${name === 'deno' ? '' : start}
print('up', flush=True)
while True:
    pass`
await session.run(code, (event) => event.type === 'logs' && console.log(event.text), signal)
