/** npm run test:snippets: runs the snippets of README and docs, those in Python too. Skips where PyPI is not reached. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const folder = mkdtempSync(join(tmpdir(), 'spool-snippets-python-'))
const python = join(folder, 'bin', 'python')
const steps = [
  ['python3', '-m', 'venv', folder],
  [python, '-m', 'pip', 'install', '--quiet', 'openai'],
]
const isReady = steps.every(
  ([program, ...args]) => spawnSync(program, args, { stdio: 'inherit' }).status === 0,
)
if (!isReady) {
  console.log('Skipped: Python with the package openai cannot be installed here.')
  console.log('0 passed, 0 failed, 1 skipped')
} else {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
  const env = { ...process.env, TEST_PYTHON: python }
  const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/docs'], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}
rmSync(folder, { recursive: true, force: true })
