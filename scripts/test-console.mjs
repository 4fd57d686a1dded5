/** `npm run test:console`: builds the console and runs test/console in Chromium. */
import { findBrowser } from './browser.mjs'
import { buildConsole } from './build.mjs'
import { runVitest, skipSuite } from './suite.mjs'

const { path, reason } = findBrowser()
if (path === undefined) skipSuite('test:console', reason)
buildConsole()
process.exit(
  await runVitest(['--config', 'vitest.console.config.ts', ...process.argv.slice(2)], { CHROMIUM: path }),
)
