/** Runs every check and suite in turn, shows what they print, and ends with one line that counts the tests. */
import { spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'

/** Where versions of PostgreSQL differ: statements with special plans, and many processes on one database. */
const sharedSuites = ['test/processes', 'test/database', 'test/search/loading.test.ts']

/** What needs more than npm is its own script; each says by itself why it skips when it cannot run. */
const suites = [
  { name: 'check', command: ['npm', 'run', 'check'], counts: false },
  // Tests of what these packages bring skip without them: native sandboxes (those of Deno always run), PHP, Ruby.
  { name: 'packages', command: ['bash', 'scripts/ci-packages.sh'], counts: false },
  { name: 'test', command: ['npm', 'test'], counts: true },
  { name: 'test:slow', command: ['npm', 'run', 'test:slow'], counts: true },
  { name: 'test:package', command: ['npm', 'run', 'test:package'], counts: true },
  { name: 'test:s3', command: ['npm', 'run', 'test:s3'], counts: true },
  { name: 'test:postgres', command: ['npm', 'run', 'test:postgres'], counts: true },
  // The embedded database is version 18.
  ...['16', '17'].map((version) => ({
    name: `test:postgres ${version}`,
    command: ['npm', 'run', 'test:postgres', '--', `--version=${version}`, ...sharedSuites],
    counts: true,
  })),
  { name: 'test:crash', command: ['npm', 'run', 'test:crash'], counts: true },
  { name: 'test:snippets', command: ['npm', 'run', 'test:snippets'], counts: true },
  { name: 'test:deploy', command: ['npm', 'run', 'test:deploy'], counts: true },
  { name: 'test:image', command: ['npm', 'run', 'test:image'], counts: true },
  { name: 'test:model', command: ['npm', 'run', 'test:model'], counts: true },
  { name: 'test:console', command: ['npm', 'run', 'test:console'], counts: true },
  { name: 'test:compat', command: ['npm', 'run', 'test:compat'], counts: true },
]

const total = { passed: 0, failed: 0, skipped: 0 }
const broken = []
for (const { name, command, counts } of suites) {
  console.log(`\n=== ${name}\n`)
  const { code, output } = await run(command)
  const found = counts ? count(output) : undefined
  for (const key of Object.keys(total)) total[key] += found?.[key] ?? 0
  if (code !== 0) {
    broken.push(name)
    if (!found?.failed) total.failed += 1
  } else if (counts && !found) {
    broken.push(`${name} (it counted nothing)`)
    total.failed += 1
  }
}
if (broken.length > 0) console.log(`\nfailed: ${broken.join(', ')}`)
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(broken.length === 0 ? 0 : 1)

function run([program, ...args]) {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const show = (chunk) => {
      output += chunk
      process.stdout.write(chunk)
    }
    child.stdout.on('data', show)
    child.stderr.on('data', show)
    child.on('error', (error) => resolve({ code: 1, output: String(error) }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** Vitest's summary, or a plain closing line; the last of either. */
function count(output) {
  const lines = stripVTControlCharacters(output).split('\n')
  const line = lines.findLast(
    (one) => /^\s*Tests\s+\d+ (passed|failed|skipped)/.test(one) || /^\d+ passed, \d+ failed/.test(one),
  )
  if (!line) return undefined
  const number = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0)
  return { passed: number('passed'), failed: number('failed'), skipped: number('skipped') }
}
