/** `npm run test:console`: builds the console and runs test/console in Chromium. */
import { spawnSync } from 'node:child_process'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findBrowser } from './browser.mjs'
import { buildConsole } from './build.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const { path, reason } = findBrowser()
if (path === undefined) {
  console.log(`test:console is skipped: ${reason}`)
  console.log('0 passed, 0 failed, 1 skipped')
  process.exit(0)
}
buildConsole()
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const args = [vitest, 'run', '--config', 'vitest.console.config.ts', ...process.argv.slice(2)]
const env = { ...process.env, CHROMIUM: path }
process.exit(spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1)
