/**
 * Runs every check and suite in turn, shows what they print, repeats the failures at the end, and ends with one line
 * that counts the tests. Files that failed run once more alone. A test that passes then is flaky: its failure is shown, and
 * the run does not fail, because the machine may have been busy.
 */
import { spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'

/** The suites in which versions of PostgreSQL may differ: statements with special plans, and many processes on one database. */
const sharedSuites = ['test/processes', 'test/database', 'test/search/loading.test.ts']

/** A suite that needs more than npm is a script, which prints the reason when it skips. */
const suites = [
  { name: 'check', command: ['npm', 'run', 'check'], counts: false },
  // Without these packages, tests of native sandboxes (those of Deno always run), of PHP and of Ruby are skipped.
  { name: 'packages', command: ['bash', 'scripts/ci-packages.sh'], counts: false },
  suite('test'),
  suite('test:slow'),
  suite('test:package'),
  suite('test:s3'),
  suite('test:postgres'),
  // The embedded database is version 18.
  ...['16', '17'].map((version) => suite('test:postgres', [`--version=${version}`], sharedSuites)),
  suite('test:crash'),
  suite('test:snippets'),
  suite('test:deploy'),
  suite('test:image'),
  suite('test:model'),
  suite('test:console'),
  suite('test:compat'),
]

function suite(script, flags = [], files = []) {
  const command = ['npm', 'run', script, '--', ...flags]
  return {
    name: [script, ...flags].join(' '),
    command: [...command, ...files],
    counts: true,
    ofFiles: command,
  }
}

const total = { passed: 0, failed: 0, skipped: 0 }
const broken = []
const failures = []
for (const { name, command, counts, ofFiles } of suites) {
  console.log(`\n=== ${name}\n`)
  const { code, output } = await run(command)
  const counted = counts ? count(output) : undefined
  const found = { passed: 0, failed: 0, skipped: 0, ...counted }
  if (code !== 0) {
    const isFlaky = counts && (await passAgain(name, ofFiles, output))
    failures.push(`--- ${name}${isFlaky ? ', passed when it ran again' : ''}\n${describeFailures(output)}`)
    if (isFlaky) Object.assign(found, { passed: found.passed + found.failed, failed: 0 })
    else {
      broken.push(name)
      found.failed ||= 1
    }
  } else if (counts && !counted) {
    broken.push(`${name} (it counted nothing)`)
    found.failed = 1
  }
  for (const key of Object.keys(total)) total[key] += found[key]
}
if (failures.length > 0) console.log(`\n=== what failed\n\n${failures.join('\n')}`)
if (broken.length > 0) console.log(`\nfailed: ${broken.join(', ')}`)
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(broken.length === 0 ? 0 : 1)

/** Whether the test files of vitest that failed pass alone. */
async function passAgain(name, ofFiles, output) {
  const named = plainLines(output).map((line) => /^ *FAIL .*?((src|test)\/\S+\.test\.ts)/.exec(line)?.[1])
  const files = [...new Set(named.filter((file) => file !== undefined))]
  if (files.length === 0) return false
  console.log(`\n=== ${name}: ${files.join(' ')} again\n`)
  return (await run([...ofFiles, ...files])).code === 0
}

/** The report of vitest about failed tests, or the last lines. */
function describeFailures(output) {
  const lines = plainLines(output)
  const first = lines.findIndex((line) => /Failed (Tests|Suites) \d+/.test(line))
  return lines.slice(first === -1 ? -30 : first, first === -1 ? undefined : first + 150).join('\n')
}

function plainLines(output) {
  return stripVTControlCharacters(output).split('\n')
}

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

/** Counts from the last summary of vitest or the last closing line of a script. */
function count(output) {
  const line = plainLines(output).findLast(
    (one) => /^\s*Tests\s+\d+ (passed|failed|skipped)/.test(one) || /^\d+ passed, \d+ failed/.test(one),
  )
  if (!line) return undefined
  const number = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0)
  return { passed: number('passed'), failed: number('failed'), skipped: number('skipped') }
}
