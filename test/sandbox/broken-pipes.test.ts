/** Child processes that stop reading. A failed write ends the session and never the server (vitest would fail). */
import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { denoSession } from '../../src/sandbox/deno/session.ts'
import { defaultLimits } from '../../src/sandbox/limits.ts'
import { runCell } from '../../src/sandbox/run-cell.ts'
import { bundleDescriptor } from '../../src/sandbox/runner-bundle.ts'
import { feed, runnerProcess } from '../../src/sandbox/runner-process.ts'

const limits = { ...defaultLimits, wallMs: 60_000 }

/** A runner that sends `ready` and then executes the shell line. */
function fakeRunner(then: string) {
  const script = `echo '{"type":"ready"}'; ${then}`
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] })
  return { child, runner: runnerProcess(child) }
}

test('a cell of 200 KB for a child that closed its input ends as crashed', async () => {
  const { runner } = fakeRunner('exec 0<&-; echo closed >&2; exec sleep 60')
  await runner.ready(30_000)
  const order = { cell: 1, code: `# ${'x'.repeat(200_000)}`, limits, signal: new AbortController().signal }
  const idle = { onEvent: () => {}, interrupt: () => {}, watch: () => () => {} }
  expect(await runCell(runner, { ...order, ...idle })).toMatchObject({ status: 'crashed', sessionLost: true })
  expect(runner.isAlive()).toBe(false)
})

test('a child that is killed while a large file is sent fails the transfer', async () => {
  const { child, runner } = fakeRunner('exec sleep 60')
  await runner.ready(30_000)
  const session = denoSession({
    runner,
    limits,
    watch: () => () => {},
    memoryBytes: async () => 0,
    release: async () => {},
    mayStop: false,
  })
  // The pipe holds far less than one piece: the write waits until the child ends.
  setTimeout(() => child.kill('SIGKILL'), 50)
  const sent = session.put('large.bin', Buffer.alloc(4 * 1024 * 1024))
  await expect(sent).rejects.toThrow('The Python session has ended.')
  await session.close()
})

test('a child that exits during the start fails the start with its output', async () => {
  const child = spawn('/bin/sh', ['-c', 'echo no memory >&2; exit 1'], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  })
  const runner = runnerProcess(child)
  feed(child, bundleDescriptor, 'x'.repeat(1_000_000))
  void runner.send({ op: 'begin', settings: 'x'.repeat(1_000_000) })
  await expect(runner.ready(30_000)).rejects.toThrow('ended before it was ready: no memory')
})

test('orders for a child that is gone are dropped', async () => {
  const { runner } = fakeRunner('exit 0')
  await runner.ended
  await Promise.all(Array.from({ length: 20 }, () => runner.send({ op: 'run', code: 'x'.repeat(100_000) })))
  expect(runner.isAlive()).toBe(false)
})
