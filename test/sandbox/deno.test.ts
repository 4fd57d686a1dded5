import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { findDeno } from '../../src/sandbox/deno/assets.ts'
import { denoDriver } from '../../src/sandbox/deno/deno.ts'
import { openSandbox } from '../../src/sandbox/sandbox.ts'
import { sleep } from '../../src/util/abort.ts'
import { expectNoProcessAfterKill } from '../contracts/killed-server.ts'
import { sandboxContract } from '../contracts/sandbox.ts'
import { hastyLimits, openFor, roomyLimits, runCode } from '../contracts/sandbox-cells.ts'
import { testFolder, whyMissing } from './available.ts'

const skip = whyMissing('deno')
const folder = testFolder('deno')
const log = () => {}
const driver = denoDriver({ folder, log })

sandboxContract({ name: 'deno', driver, skip, matplotlib: false })

describe.skipIf(skip !== undefined)('a hostile cell in the deno sandbox', () => {
  afterAll(() => driver.close())

  test('the self-test fails when Deno is given permissions or an environment', async () => {
    const weak = denoDriver({ folder, log }, { permission: '--allow-all', environment: { SECRET: 'x' } })
    onTestFinished(() => weak.close())
    const { ok, why } = await weak.selfTest()
    expect(ok).toBe(false)
    for (const way of [
      'read a file',
      'environment',
      'start a program',
      'loopback',
      'emscripten',
      'mount the host',
    ]) {
      expect(why).toContain(way)
    }
  })

  test('stores nothing in a cache or a local storage, which sessions would share', async () => {
    const keep = `
from pyodide.code import run_js
kept = []
for name, way in {
    'cache': "(async () => (await caches.open('a')).put('http://a/', new Response('secret')))()",
    'storage': "(async () => localStorage.setItem('a', 'secret'))()",
}.items():
    try:
        await run_js(way)
        kept.append(name)
    except BaseException as error:
        print(type(error).__name__)
kept`
    const session = await openFor(driver)
    expect((await runCode(session, keep)).logs).toBe('JsException\nJsException\n[]\n')
  })

  test('reads no module of the host, and no file except its own assets', async () => {
    const session = await openFor(driver)
    const code = `
from pyodide.code import run_js
through = []
for path in ('/etc/passwd', '/proc/self/environ', '/proc/self/fd', '/proc/self/root/etc/passwd', ${JSON.stringify(import.meta.filename)}, ${JSON.stringify(`${folder}/../`)}):
    for way in ('readTextFileSync', 'readDirSync', 'statSync', 'readLinkSync'):
        try:
            run_js(f'[...Deno.{way}({path!r})]' if way == 'readDirSync' else f'Deno.{way}({path!r})')
            through.append((path, way))
        except BaseException:
            pass
through`
    expect((await runCode(session, code)).logs).toBe('[]\n')
  })

  test('JavaScript memory without end costs the session, not the host', async () => {
    const session = await openFor(driver)
    const grab = `
from pyodide.code import run_js
run_js("""globalThis.held = []; for (let i = 0; i < 200; i += 1) { held.push(new Uint8Array(32 * 1024 * 1024).fill(1)) }""")`
    const { end } = await runCode(session, grab)
    expect(['error', 'memory', 'crashed']).toContain(end.status)
  })

  test('JavaScript that loops endlessly is killed', async () => {
    const session = await openFor(driver, hastyLimits)
    const { end } = await runCode(session, "from pyodide.code import run_js\nrun_js('for (;;);')")
    expect(end).toEqual({ status: 'timeout', sessionLost: true })
  })

  test('files together stay within the disk limit', async () => {
    const session = await openFor(driver)
    const code = "for n in range(20):\n    open(f'/mnt/data/{n}', 'wb').write(bytes(8 * 1024 * 1024))"
    const { logs, end } = await runCode(session, code)
    expect(logs).toContain('OSError')
    expect(end).toEqual({ status: 'error', sessionLost: false })
    const room =
      "import os\nfor n in range(20):\n    if os.path.exists(str(n)): os.remove(str(n))\nopen('small', 'w').write('x')"
    expect((await runCode(session, room)).end.status).toBe('ok')
  })

  test('a timer that a cell has started is paused until the next cell', async () => {
    const session = await openFor(driver)
    const code = `
from pyodide.code import run_js
run_js("globalThis.ticks = [performance.now()]; setInterval(() => ticks.push(performance.now()), 10)");`
    await runCode(session, code)
    await sleep(3000)
    await runCode(session, '1')
    const gap =
      'import js\nticks = list(js.ticks)\nmax([b - a for a, b in zip(ticks, ticks[1:])], default=3000) > 1500 or len(ticks) < 2'
    expect((await runCode(session, gap)).logs).toBe('True\n')
  })

  test('a cell that waits again and again is stopped at any point of the event loop', async () => {
    const session = await openFor(driver, { ...roomyLimits, wallMs: 300, graceMs: 60_000 })
    const code = 'import asyncio\nwhile True:\n    await asyncio.sleep(0.001)'
    for (let round = 0; round < 15; round += 1) {
      expect((await runCode(session, code)).end).toEqual({ status: 'timeout', sessionLost: false })
    }
  })

  test('forged protocol lines affect only their own session', async () => {
    const session = await openFor(driver)
    const lines = [
      'nonsense',
      '{"type":"end","cell":99,"status":"ok"}',
      '{"type":"image","cell":1,"png":"bm8="}',
    ]
    const code = `
from pyodide.code import run_js
import js
js.lines = ${JSON.stringify(`${lines.join('\n')}\n`)}
run_js("Deno.stdout.writeSync(new TextEncoder().encode(globalThis.lines))")
print('end')`
    const { logs, images } = await runCode(session, code)
    expect(logs).toBe('end\n')
    expect(images).toEqual([])
    expect((await runCode(session, '2 + 2')).logs).toBe('4\n')
  })

  test('a comma in the folder of the assets allows no other folder', async () => {
    const parent = testFolder('deno-comma', onTestFinished)
    const secret = join(parent, 'secret')
    mkdirSync(secret)
    writeFileSync(join(secret, 'key'), 'secret')
    // Split at the comma the second part would allow the folder of the secret.
    const commaFolder = join(parent, `assets,${secret}`)
    mkdirSync(commaFolder, { recursive: true, mode: 0o711 })
    const other = denoDriver({ folder: commaFolder, log })
    onTestFinished(() => other.close())
    const read = `import js\njs.Deno.readTextFileSync(${JSON.stringify(join(secret, 'key'))})`
    const { logs } = await runCode(await openFor(other), read)
    expect(logs).toContain('NotCapable')
  })

  test.runIf(process.getuid?.() === 0)(
    'a root server whose Deno is in a private folder runs cells as another user',
    async () => {
      const home = testFolder('deno-private', onTestFinished)
      const hidden = join(home, 'private')
      mkdirSync(hidden, { mode: 0o700 })
      const installed = findDeno()
      copyFileSync(installed.path, join(hidden, 'deno'))
      const deno = { ...installed, path: join(hidden, 'deno') }
      const other = denoDriver({ folder: home, log, deno })
      onTestFinished(() => other.close())
      const session = await openFor(other)
      expect((await runCode(session, '6 * 7')).logs).toBe('42\n')
      expect(usersOf(home)).not.toContain(0)
      expect(usersOf(home).length).toBeGreaterThan(0)
    },
  )

  test.runIf(process.getuid?.() === 0)('a root server refuses assets that only root can read', async () => {
    const home = testFolder('deno-closed', onTestFinished)
    const closed = join(home, 'closed')
    mkdirSync(closed, { mode: 0o700 })
    const other = denoDriver({ folder: closed, log })
    onTestFinished(() => other.close())
    const { ok, why } = await other.selfTest()
    expect(ok).toBe(false)
    expect(why).toContain('cells never run as root')
  })

  test('two sessions from one snapshot draw different numbers', async () => {
    const [one, other] = [await openFor(driver), await openFor(driver)]
    const draw = 'import random\nrandom.random()'
    expect((await runCode(one, draw)).logs).not.toBe((await runCode(other, draw)).logs)
  })

  test('a snapshot that does not fit is ignored, and the session starts without it', async () => {
    const other = testFolder('deno-cold', onTestFinished)
    const [assets = ''] = readdirSync(folder).filter((name) => name.startsWith('pyodide-'))
    cpSync(join(folder, assets), join(other, assets), { recursive: true })
    writeFileSync(join(other, assets, 'snapshot.bin'), 'no snapshot')
    const cold = denoDriver({ folder: other, log })
    onTestFinished(() => cold.close())
    expect((await runCode(await openFor(cold), '40 + 2')).logs).toBe('42\n')
  })

  test('it runs with npm packages only', async () => {
    const sandbox = openSandbox({ choice: 'deno', dataDir: folder, log, poolSize: 0, limits: roomyLimits })
    onTestFinished(() => sandbox.close())
    sandbox.start()
    const logs = await sandbox.use('a', async ({ session }) => (await runCode(session, '6 * 7')).logs)
    expect(sandbox.describe()).toEqual({ driver: 'deno', libraries: [] })
    expect(logs).toBe('42\n')
  })

  test('SIGKILL of the server leaves no process behind', async () => {
    await expectNoProcessAfterKill('deno', folder)
  })
})

/** The user ids of the processes that have the folder in their command line. */
function usersOf(folder: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  return pids.flatMap((pid) => {
    try {
      const isOne = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)
      return isOne ? [statSync(`/proc/${pid}`).uid] : []
    } catch {
      return []
    }
  })
}
