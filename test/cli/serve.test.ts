import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunning } from '../../src/util/processes.ts'
import { builtMain } from '../harness/built.ts'
import { databasePid, makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { startProcess, type ServerProcess } from '../harness/process.ts'

const inject = `--import ${resolve(import.meta.dirname, 'inject.mjs')}`

let data: DataDir
const cleanups: (() => Promise<unknown>)[] = []
beforeEach(() => {
  data = makeDataDir()
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await data.remove()
})

async function start(environment: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startProcess(data.path, { SPOOL_SANDBOX: 'off', ...environment })
  cleanups.push(() => server.end('SIGKILL'))
  return server
}

/** The log lines with this message. */
function lines(output: string, message: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.message === message || line.msg === message)
}

test('the steps of start and stop are in the log, in order and after the banner', async () => {
  const server = await start()
  await server.end('SIGTERM')
  const steps = ['database started', 'listening', 'stopping', 'drained', 'stopped']
  const places = steps.map((step) => server.output().indexOf(`"${step}"`))
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(places[0]).toBeGreaterThan(server.output().indexOf('answers at'))
  expect(lines(server.output(), 'listening')).toMatchObject([{ level: 'info', url: server.url }])
})

test('a rejection that nothing handles is logged with its stack, and the server continues', async () => {
  const server = await start({ NODE_OPTIONS: inject })
  process.kill(server.pid, 'SIGUSR2')
  await expect
    .poll(() => lines(server.output(), 'a rejection was not handled'))
    .toMatchObject([
      { level: 'error', error: 'injected rejection', stack: expect.stringContaining('inject.mjs') },
    ])
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
})

test('an exception that nothing catches is logged with its stack, and the server drains and ends', async () => {
  const server = await start({ NODE_OPTIONS: inject })
  process.kill(server.pid, 'SIGCONT')
  await expect.poll(() => server.isOver()).toBe(true)
  expect(lines(server.output(), 'an exception was not caught')).toMatchObject([
    { level: 'error', stack: expect.stringContaining('inject.mjs') },
  ])
  expect(lines(server.output(), 'stopped')).toHaveLength(1)
  expect(databasePid(data.path)).toBeUndefined()
})

const environment = () => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  PORT: '0',
  SPOOL_DATA_DIR: data.path,
  SPOOL_SANDBOX: 'off',
})

test.runIf(process.platform !== 'win32')(
  'a server that npm started stops cleanly when npm is killed',
  async () => {
    // The shell acts as npm: the server is its child, and it passes no signal on.
    const shell = spawn('sh', ['-c', '"$@" & echo "pid $!"; wait', 'npm', process.execPath, builtMain], {
      env: { ...environment(), npm_lifecycle_event: 'start' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    shell.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await expect.poll(() => output).toContain('"listening"')
    const server = Number(/pid (\d+)/.exec(output)?.[1])
    cleanups.push(async () => isRunning(server) && process.kill(server, 'SIGKILL'))
    shell.kill('SIGKILL')
    await once(shell, 'exit')
    await expect.poll(() => isRunning(server)).toBe(false)
    expect(lines(output, 'stopping')).toMatchObject([{ why: 'the process that started this server ended' }])
    expect(databasePid(data.path)).toBeUndefined()
  },
)

test.runIf(existsSync('/dev/full'))(
  'a server whose log is on a full disk goes on, and stops at SIGTERM',
  async () => {
    const full = openSync('/dev/full', 'w')
    const finder = createServer().listen(0, '127.0.0.1')
    await once(finder, 'listening')
    const { port } = finder.address() as AddressInfo
    finder.close()
    const server = spawn(process.execPath, [builtMain], {
      env: { ...environment(), PORT: String(port) },
      stdio: ['ignore', full, 'inherit'],
    })
    closeSync(full)
    cleanups.push(async () => void server.kill('SIGKILL'))
    const ready = () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        (answer) => answer.status,
        () => 0,
      )
    await expect.poll(async () => [server.exitCode, await ready()]).toEqual([null, 200])
    server.kill('SIGTERM')
    const [code] = await once(server, 'exit')
    expect(code).toBe(0)
    expect(databasePid(data.path)).toBeUndefined()
  },
)

test('a server whose output nobody reads any more continues, and stops at SIGTERM', async () => {
  const server = spawn(process.execPath, [builtMain], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanups.push(async () => void server.kill('SIGKILL'))
  let output = ''
  server.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await expect.poll(() => output).toContain('"listening"')
  server.stdout.destroy()
  const [address] = /http:\/\/\S+?:\d+/.exec(output) ?? []
  const headers = { authorization: 'Bearer any-key' }
  for (const path of ['/v1/models', '/v1/files'])
    expect((await fetch(address + path, { headers })).status).toBe(200)
  server.kill('SIGTERM')
  const [code] = await once(server, 'exit')
  expect(code).toBe(0)
  expect(databasePid(data.path)).toBeUndefined()
})
