/**
 * npm run test:postgres [-- --version=16] [files]: runs the suites that use the database on a PostgreSQL from Debian
 * instead of the embedded one. It installs that as root where it is missing, and starts a new cluster on a free
 * port. With a version the programs come from npm. Without them, prints the reason and counts one skipped test.
 * Files replace the list of suites.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { freePort } from './free-port.mjs'
import { findPostgres } from './postgres-programs.mjs'
import { runVitest, skipSuite } from './suite.mjs'

const suites = ['runs', 'streams', 'api', 'processes', 'database', 'ingest', 'search', 'backup']
/** Takes a minute and differs in no statement from the suites above. */
const leftOut = 'test/runs/crash-points.test.ts'

const [flag, ...rest] = process.argv.slice(2)
const version = /^--version=(\d+)$/.exec(flag ?? '')?.[1]
const given = version === undefined ? process.argv.slice(2) : rest
const programs = findPostgres(version)
if (programs.missing !== undefined) skipSuite('test:postgres', programs.missing)
process.exitCode = await withCluster(runTests)

/** PostgreSQL refuses to run as root: then it runs as the user of its package. */
function owner() {
  if (process.getuid() !== 0) return {}
  const number = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  return { uid: number('-u'), gid: number('-g') }
}

async function withCluster(work) {
  const { bin, libraries } = programs
  const user = owner()
  const folder = mkdtempSync(join(tmpdir(), 'spool-postgres-'))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const env = { ...process.env, ...(libraries && { LD_LIBRARY_PATH: libraries }) }
  const options = { ...user, cwd: folder, env, encoding: 'utf8' }
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
    server = spawn(join(bin, 'postgres'), args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    server.stderr.on('data', (chunk) => (log = (log + chunk).slice(-10_000)))
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`
    await answering(url, server, () => log)
    console.log(spawnSync(join(bin, 'postgres'), ['--version'], options).stdout.trim())
    return await work(url, folder)
  } finally {
    await stopped(server)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs the suites and prints one line that counts their tests. */
async function runTests(url, folder) {
  const report = join(folder, 'report.json')
  const all = [...suites.map((suite) => `test/${suite}/`), '--exclude', leftOut]
  const wanted = given.length > 0 ? given : all
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const code = await runVitest([...wanted, ...reporters], { TEST_DATABASE_URL: url })
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'))
  console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`)
  return code
}

async function answering(url, server, log) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}: ${log()}`)
    const client = new pg.Client(url)
    const isUp = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => undefined)
    if (isUp) return
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
