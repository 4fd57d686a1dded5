/** npm run test:snippets: runs the snippets of README and docs, those in Python too. Skips when PyPI cannot be reached. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runVitest, skipSuite } from './suite.mjs'

const folder = mkdtempSync(join(tmpdir(), 'spool-snippets-python-'))
const python = join(folder, 'bin', 'python')
const steps = [
  ['python3', '-m', 'venv', folder],
  [python, '-m', 'pip', 'install', '--quiet', 'openai'],
]
const isReady = steps.every(
  ([program, ...args]) => spawnSync(program, args, { stdio: 'inherit' }).status === 0,
)
const code = isReady ? await runVitest(['test/docs'], { TEST_PYTHON: python }) : undefined
rmSync(folder, { recursive: true, force: true })
if (code === undefined) skipSuite('test:snippets', 'Python with the package openai cannot be installed here')
process.exit(code)
