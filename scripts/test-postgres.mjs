/**
 * npm run test:postgres: runs the suites that use the database on a PostgreSQL from Debian instead of the embedded one.
 * It installs that as root where it is missing, and starts a cluster of its own on a free port. Where it cannot be had
 * it says why and counts one skipped test. Arguments replace the list of suites.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const suites = ['runs', 'streams', 'api', 'processes', 'database', 'ingest', 'backup']
/** Takes a minute and differs in no statement from the suites above. */
const leftOut = 'test/runs/crash-points.test.ts'
const installed = '/usr/lib/postgresql'

const missing = install()
if (missing === undefined) process.exitCode = await withCluster(runTests)
else {
  console.log(`test:postgres is skipped: ${missing}`)
  console.log('0 passed, 0 failed, 1 skipped')
}

/** Undefined when PostgreSQL is there, else why it is not. */
function install() {
  if (programs() !== undefined) return undefined
  if (process.getuid?.() !== 0) return 'PostgreSQL is not installed, and only root can install it'
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [
    ['update', '-q'],
    ['install', '-y', '-q', '--no-install-recommends', 'postgresql'],
  ]) {
    const done = spawnSync('apt-get', args, { env, encoding: 'utf8' })
    if (done.status !== 0) return `apt-get failed: ${done.error?.message ?? done.stderr.trim()}`
  }
  return programs() === undefined ? `the package has no programs in ${installed}` : undefined
}

/** The folder with the programs of the newest version. */
function programs() {
  if (!existsSync(installed)) return undefined
  return readdirSync(installed)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(installed, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')))
}

/** PostgreSQL refuses to run as root: then it runs as the user of its package. */
function owner() {
  if (process.getuid() !== 0) return {}
  const number = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  return { uid: number('-u'), gid: number('-g') }
}

async function withCluster(work) {
  const bin = programs()
  const user = owner()
  const folder = mkdtempSync(join(tmpdir(), 'spool-postgres-'))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const options = { ...user, cwd: folder, encoding: 'utf8' }
  let server
  try {
    const data = join(folder, 'data')
    const made = spawnSync(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'],
      options,
    )
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
    const port = await freePort()
    // What the tests write need not survive a power cut.
    const settings = ['listen_addresses=127.0.0.1', 'max_connections=300', 'fsync=off']
    const args = ['-D', data, '-p', String(port), '-k', folder, ...settings.flatMap((one) => ['-c', one])]
    server = spawn(join(bin, 'postgres'), args, { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    server.stderr.on('data', (chunk) => (log = (log + chunk).slice(-10_000)))
    await answering({ bin, port, server, log: () => log })
    console.log(spawnSync(join(bin, 'postgres'), ['--version'], options).stdout.trim())
    return await work(`postgres://postgres@127.0.0.1:${port}/postgres`, folder)
  } finally {
    await stopped(server)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs the suites and prints one line that counts their tests. */
async function runTests(url, folder) {
  const report = join(folder, 'report.json')
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const given = process.argv.slice(2)
  const all = [...suites.map((suite) => `test/${suite}/`), '--exclude', leftOut]
  const wanted = given.length > 0 ? given : all
  const args = [
    vitest,
    'run',
    ...wanted,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]
  const code = await new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, TEST_DATABASE_URL: url },
      stdio: 'inherit',
    })
    child.on('exit', (status) => resolve(status ?? 1))
  })
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'))
  console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`)
  return code
}

async function answering({ bin, port, server, log }) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}: ${log()}`)
    const ready = spawnSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)])
    if (ready.status === 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`PostgreSQL does not answer: ${log()}`)
}

/** Ends all connections and waits for the end of the server. */
async function stopped(server) {
  if (server === undefined || server.exitCode !== null) return
  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGINT')
  await ended
}
