/**
 * Runs the blob store's contract against an S3 server that checks signatures: the one that TEST_S3_ENDPOINT names
 * (with TEST_S3_BUCKET, TEST_S3_REGION, TEST_S3_ACCESS_KEY_ID, TEST_S3_SECRET_ACCESS_KEY), or else moto, which is
 * installed from PyPI under .cache. Without it, prints the reason and counts one skipped test.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AwsClient } from 'aws4fetch'
import { freePort } from './free-port.mjs'
import { root, runVitest, skipSuite } from './suite.mjs'

const packages = ['moto[s3]==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5']
const folder = join(root, '.cache', 's3-server')
const bin = join(folder, process.platform === 'win32' ? 'Scripts' : 'bin')

if (process.env.TEST_S3_ENDPOINT) {
  process.exitCode = await runTests()
} else {
  const reason = install()
  if (reason !== undefined) skipSuite('test:s3', reason)
  process.exitCode = await withMoto()
}

/** Undefined when the server is installed, else the reason. */
function install() {
  const ready = join(bin, 'moto_server')
  if (existsSync(ready)) return undefined
  const python = process.platform === 'win32' ? 'python' : 'python3'
  const steps = [
    [python, ['-m', 'venv', folder]],
    [join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', ...packages]],
  ]
  for (const [command, args] of steps) {
    const done = spawnSync(command, args, { encoding: 'utf8' })
    if (done.status !== 0)
      return `${String(command)} failed: ${done.error?.message ?? String(done.stderr).trim()}`
  }
  return undefined
}

async function withMoto() {
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const server = spawn(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  try {
    await answering(endpoint, server)
    const key = await makeUser(endpoint)
    return await runTests({
      TEST_S3_ENDPOINT: endpoint,
      TEST_S3_BUCKET: 'spool',
      TEST_S3_REGION: 'us-east-1',
      TEST_S3_ACCESS_KEY_ID: key.id,
      TEST_S3_SECRET_ACCESS_KEY: key.secret,
    })
  } finally {
    server.kill()
  }
}

function runTests(env) {
  return runVitest(['test/blobs/s3-server.test.ts', ...process.argv.slice(2)], env)
}

/** A bucket and a key of a user who may use S3; from then on moto checks every signature. */
async function makeUser(endpoint) {
  const ask = async (service, url, init) => {
    const client = new AwsClient({
      accessKeyId: 'root',
      secretAccessKey: 'root',
      service,
      region: 'us-east-1',
    })
    const answer = await client.fetch(url, init)
    const text = await answer.text()
    if (!answer.ok) throw new Error(`moto answered ${answer.status} to ${url}: ${text}`)
    return text
  }
  const iam = (parameters) =>
    ask('iam', `${endpoint}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ Version: '2010-05-08', UserName: 'spool', ...parameters }).toString(),
    })
  const mayUseS3 = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }
  await ask('s3', `${endpoint}/spool`, { method: 'PUT' })
  await iam({ Action: 'CreateUser' })
  await iam({ Action: 'PutUserPolicy', PolicyName: 's3', PolicyDocument: JSON.stringify(mayUseS3) })
  const made = await iam({ Action: 'CreateAccessKey' })
  await ask('s3', `${endpoint}/moto-api/reset-auth`, { method: 'POST', body: '0' })
  const tag = (name) => new RegExp(`<${name}>([^<]*)<`).exec(made)?.[1]
  return { id: tag('AccessKeyId'), secret: tag('SecretAccessKey') }
}

async function answering(endpoint, server) {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (server.exitCode !== null) throw new Error(`moto_server ended with ${server.exitCode}`)
    const answer = await fetch(`${endpoint}/moto-api/data.json`).catch(() => undefined)
    if (answer !== undefined) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`moto_server does not answer at ${endpoint}`)
}
