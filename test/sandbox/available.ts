/** Which drivers this host can run, and why not. A driver that is installed and fails its self-test is not skipped. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { SandboxDriverName } from '../../src/sandbox/port.ts'

export const pythonPath = '/usr/bin/python3'
export const bwrapPath = '/usr/bin/bwrap'

/** Why the driver's tests are skipped, or undefined. `REQUIRE_SANDBOXES=bwrap,deno` turns a reason into a failure. */
export function whyMissing(driver: SandboxDriverName): string | undefined {
  const why = reasons[driver]()
  if (why === undefined) return undefined
  if ((process.env.REQUIRE_SANDBOXES ?? '').split(',').includes(driver)) throw new Error(`${driver}: ${why}`)
  console.log(`skipped: the ${driver} sandbox: ${why}`)
  return why
}

const reasons: Record<SandboxDriverName, () => string | undefined> = {
  bwrap: () => {
    if (process.platform !== 'linux') return 'needs Linux'
    if (!existsSync(bwrapPath)) return `${bwrapPath} is not installed`
    if (!existsSync(pythonPath)) return `${pythonPath} is not installed`
    const trial = spawnSync(bwrapPath, ['--unshare-all', '--ro-bind', '/', '/', '/usr/bin/true'], {
      encoding: 'utf8',
    })
    return trial.status === 0 ? undefined : `namespaces are refused: ${trial.stderr.trim()}`
  },
  landlock: () => {
    if (process.platform !== 'linux') return 'needs Linux'
    if (!existsSync(pythonPath)) return `${pythonPath} is not installed`
    if (process.getuid?.() !== 0) return 'needs a root server'
    const version = spawnSync(
      pythonPath,
      ['-c', 'import ctypes;print(ctypes.CDLL(None).syscall(444,None,0,1))'],
      {
        encoding: 'utf8',
      },
    )
    return Number(version.stdout) > 0 ? undefined : 'the kernel has no Landlock'
  },
  deno: () => {
    const found = existsSync(join(import.meta.dirname, '../../node_modules/pyodide/pyodide.asm.wasm'))
    return found ? undefined : 'the optional packages deno and pyodide are not installed'
  },
}

/**
 * Whether this process may look into processes of other users: a root server in a plain container may not
 * (CAP_SYS_PTRACE is missing there). Then deleted files and shared pages cannot be measured.
 */
export function seesProcesses(): boolean {
  if (process.getuid?.() !== 0) return true
  const held = /^CapEff:\s+(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const sees = ((BigInt(`0x${held}`) >> 19n) & 1n) === 1n
  if (!sees) console.log('skipped: exact memory and deleted files: CAP_SYS_PTRACE is missing')
  return sees
}

/** A folder for one test file, readable for session users; removed `after` the file, or after the test. */
export function testFolder(name: string, after: (remove: () => void) => unknown = afterAll): string {
  const folder = mkdtempSync(join(tmpdir(), `spool-${name}-`))
  spawnSync('chmod', ['711', folder])
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Whether the Python of the host has a module; the module is not loaded. */
export function pythonHas(module: string): boolean {
  const code = `import importlib.util,sys;sys.exit(importlib.util.find_spec('${module}') is None)`
  return spawnSync(pythonPath, ['-I', '-c', code]).status === 0
}
