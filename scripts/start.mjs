/** npm start: builds what is older than its sources, then runs the server in this process. */
import { createRequire } from 'node:module'
import { build, buildConsole, isBuilt, isStale } from './build.mjs'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Spool needs Node.js 20.19 or newer; this is ${process.versions.node}.`)
}

if (isStale('dist', 'src')) {
  if (hasPackage('typescript')) {
    build()
  } else if (!isBuilt('dist')) {
    fail(
      'Spool is not compiled yet and the TypeScript compiler is not installed. Run `npm install` with development ' +
        'packages (without --omit=dev and NODE_ENV=production), or copy a ready dist/ here.',
    )
  }
  // A ready dist/ without the compiler is an installation for production: its file times have no meaning.
}
// The console is optional: without the packages that build it, a ready dist/console is used, or none.
if (isStale('dist/console', 'console') && hasPackage('vite') && hasPackage('react')) {
  buildConsole()
}
await import('../dist/main.js')

function hasPackage(name) {
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`)
    return true
  } catch {
    return false
  }
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
