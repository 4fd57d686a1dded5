/** Child processes that stop reading. A failed write ends the session and never the server (vitest would fail). */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { denoSession } from '../../src/sandbox/deno/session.ts'
import { defaultLimits } from '../../src/sandbox/port.ts'
import { sessionCells } from '../../src/sandbox/run-cell.ts'
import { bundleDescriptor } from '../../src/sandbox/runner-bundle.ts'
import { feed, runnerProcess } from '../../src/sandbox/runner-process.ts'
import { testFolder } from './available.ts'

const limits = { ...defaultLimits, wallMs: 60_000 }

/** A runner that executes the first shell line, sends `ready` and then executes the second one. */
function fakeRunner(then: string, first = 'true') {
  const script = `${first}; echo '{"type":"ready"}'; ${then}`
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] })
  return { child, runner: runnerProcess(child) }
}

test('a cell of 200 KB for a child that closed its input ends as crashed', async () => {
  const { runner } = fakeRunner('exec sleep 60', 'exec 0<&-')
  await runner.ready(30_000)
  const cells = sessionCells({ runner, limits, watch: () => () => {} })
  const end = await cells.run(`# ${'x'.repeat(200_000)}`, () => {}, new AbortController().signal)
  expect(end).toMatchObject({ status: 'crashed', sessionLost: true })
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

test('commands for a child that has ended are dropped', async () => {
  const { runner } = fakeRunner('exit 0')
  await runner.ended
  await Promise.all(Array.from({ length: 20 }, () => runner.send({ op: 'run', code: 'x'.repeat(100_000) })))
  expect(runner.isAlive()).toBe(false)
})

test('an image larger than the limit is not passed on', async () => {
  const image = (bytes: number) => {
    const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(bytes - 8)])
    return { type: 'image', cell: 1, png: png.toString('base64') }
  }
  const frames = [image(8 * 1024 * 1024 + 1), image(100), { type: 'end', cell: 1, status: 'ok' }]
  const file = join(testFolder('frames', onTestFinished), 'frames')
  writeFileSync(file, frames.map((frame) => `${JSON.stringify(frame)}\n`).join(''))
  const { runner } = fakeRunner(`read command; cat ${file}; exec sleep 60`)
  onTestFinished(() => runner.kill())
  await runner.ready(30_000)
  const sizes: number[] = []
  const cells = sessionCells({ runner, limits, watch: () => () => {} })
  const result = await cells.run(
    'show()',
    (event) => event.type === 'image' && sizes.push(event.png.length),
    new AbortController().signal,
  )
  expect(result.status).toBe('ok')
  expect(sizes).toEqual([100])
})
