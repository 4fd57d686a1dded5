/** A server to be killed: opens a session of the named driver, starts a process in it, and says so. */
import { bwrapDriver } from '../../src/sandbox/bwrap.ts'
import { landlockDriver } from '../../src/sandbox/landlock.ts'
import { defaultLimits } from '../../src/sandbox/open.ts'

const [name = '', folder = '', mark = ''] = process.argv.slice(2)
const places = { folder, pythonPath: '/usr/bin/python3', preload: [] }
const drivers: Record<string, () => ReturnType<typeof bwrapDriver>> = {
  bwrap: () => bwrapDriver({ ...places, bwrapPath: '/usr/bin/bwrap' }),
  landlock: () => landlockDriver(places),
}
const driver = drivers[name]?.()
if (!driver) throw new Error(`There is no driver ${name}.`)
const session = await driver.open(defaultLimits)
const code = `
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(15, 1); time.sleep(600)', '${mark}'], start_new_session=True)
time.sleep(0.3)
print('up', flush=True)
time.sleep(600)`
await session.run(
  code,
  (event) => event.type === 'logs' && console.log(event.text),
  new AbortController().signal,
)
