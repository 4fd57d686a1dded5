/** Shared by the suites that need more than npm: their checks and counts, the programs that they start, and vitest. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')

export const total = { passed: 0, failed: 0, skipped: 0 }

/** Runs one check and prints its result. `work` returns 'skip' where it cannot run, and throws when it fails. */
export async function check(name, work) {
  try {
    const isSkipped = (await work()) === 'skip'
    total[isSkipped ? 'skipped' : 'passed'] += 1
    console.log(`${isSkipped ? 'skip' : 'pass'}  ${name}`)
  } catch (error) {
    total.failed += 1
    console.log(`FAIL  ${name}: ${error.message}`)
  }
}

/** Counts the whole suite as one skipped test, and ends the process. */
export function skipSuite(name, reason) {
  console.log(`${name} is skipped: ${reason}`)
  total.skipped = 1
  exitWithTotal()
}

/** Prints the line that scripts/ci.mjs reads, and ends the process. */
export function exitWithTotal() {
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  process.exit(total.failed > 0 ? 1 : 0)
}

/** Runs vitest; resolves with its exit code. Not synchronous: a caller may have to read what its server prints meanwhile. */
export async function runVitest(args, env = {}) {
  const options = { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' }
  const [code] = await once(spawn(process.execPath, [vitest, 'run', ...args], options), 'exit')
  return code ?? 1
}

/** Runs a program to its end; returns what it printed. Throws when it fails. */
export function run(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    ...options,
  })
  if (status === 0) return { stdout, stderr }
  const printed = error?.message ?? `${stdout}${stderr}`
  throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${printed}`.slice(-3000))
}

export function hasProgram(name) {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0
}
