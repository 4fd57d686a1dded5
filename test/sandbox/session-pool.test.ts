import { describe, expect, onTestFinished, test } from 'vitest'
import { bwrapDriver } from '../../src/sandbox/bwrap/bwrap.ts'
import { defaultLimits, type SandboxDriver } from '../../src/sandbox/port.ts'
import { type PooledSession, SessionPool, type SessionPoolSettings } from '../../src/sandbox/session-pool.ts'
import { runCode } from '../contracts/sandbox-cells.ts'
import { bwrapPath, pythonPath, testFolder, whyMissing } from './available.ts'

const folder = testFolder('sandboxes')
const driver = bwrapDriver({ folder, pythonPath, bwrapPath, preload: [] })
const silent = () => {}

function open(settings: Partial<SessionPoolSettings> = {}, opens?: SandboxDriver['open']): SessionPool {
  const pool = new SessionPool(opens ? { ...driver, open: opens } : driver, {
    limits: { ...defaultLimits, wallMs: 20_000 },
    poolSize: 0,
    maxSessions: 8,
    totalMemoryMb: 100_000,
    idleMs: 60_000,
    totalMs: 60_000,
    log: silent,
    ...settings,
  })
  onTestFinished(() => pool.close())
  return pool
}

/** Work that starts when it gets a session and ends when the test releases it. */
function gate() {
  let release = () => {}
  let begin = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const work = async () => {
    begin()
    await released
  }
  return { work, begun, release: () => release() }
}

const run = (code: string) => async (lease: PooledSession) => ({
  ...(await runCode(lease.session, code)),
  fresh: lease.fresh,
  reason: lease.reason,
})

describe.skipIf(whyMissing('bwrap') !== undefined)('the sessions of a server', () => {
  test('a key keeps its session, and another key has its own', async () => {
    const sandboxes = open()
    expect(await sandboxes.use('a', run('x = 1'))).toMatchObject({ fresh: true, reason: 'new' })
    expect(await sandboxes.use('a', run('x'))).toMatchObject({ fresh: false, logs: '1\n' })
    expect((await sandboxes.use('b', run("'x' in globals()"))).logs).toBe('False\n')
  })

  test('calls of one key run one after the other, those of two keys in parallel', async () => {
    const sandboxes = open()
    const order: string[] = []
    const { work, begun, release } = gate()
    const first = sandboxes.use('a', async () => {
      await work()
      order.push('first')
    })
    await begun
    const second = sandboxes.use('a', async () => order.push('second'))
    await sandboxes.use('b', async () => order.push('other key'))
    release()
    await Promise.all([first, second])
    expect(order).toEqual(['other key', 'first', 'second'])
  })

  test('after a cell that lost its session the next one gets a fresh session and says so', async () => {
    const sandboxes = open()
    await sandboxes.use('a', run('import os\nos._exit(1)'))
    expect(await sandboxes.use('a', run('1'))).toMatchObject({ fresh: true, reason: 'lost' })
  })

  test('a session that is not used for a while ends, and the next one says expired', async () => {
    const sandboxes = open({ idleMs: 1 })
    let session: PooledSession['session'] | undefined
    await sandboxes.use('a', async (lease) => {
      session = lease.session
    })
    await expect.poll(() => session?.isAlive()).toBe(false)
    expect(await sandboxes.use('a', run('1'))).toMatchObject({ fresh: true, reason: 'expired' })
  })

  test('a session in use outlives its time, and ends after it', async () => {
    const sandboxes = open({ totalMs: 1 })
    expect((await sandboxes.use('a', run('import time\ntime.sleep(0.1)\n2'))).logs).toBe('2\n')
    expect(await sandboxes.use('a', run('1'))).toMatchObject({ fresh: true, reason: 'expired' })
  })

  test('at the maximum number the session that was idle longest is ended', async () => {
    const sandboxes = open({ maxSessions: 2 })
    for (const key of ['a', 'b', 'a', 'c']) await sandboxes.use(key, run('1'))
    expect(await sandboxes.use('a', run('1'))).toMatchObject({ fresh: false })
    expect(await sandboxes.use('b', run('1'))).toMatchObject({ fresh: true, reason: 'evicted' })
  })

  test('when every session is busy the next call waits for one, or for its abort', async () => {
    const sandboxes = open({ maxSessions: 1 })
    const { work, begun, release } = gate()
    const busy = sandboxes.use('a', work)
    await begun
    const waiting = sandboxes.use('b', run('3'))
    const abort = new AbortController()
    const givenUp = sandboxes.use('c', run('4'), abort.signal)
    abort.abort(new Error('no longer wanted'))
    await expect(givenUp).rejects.toThrow('no longer wanted')
    release()
    await busy
    expect((await waiting).logs).toBe('3\n')
  })

  test('a call that waits for a session gets one when the start of another one fails', async () => {
    let fail: ((error: Error) => void) | undefined
    const sandboxes = open({ maxSessions: 1 }, (limits) =>
      fail ? driver.open(limits) : new Promise((_, reject) => (fail = reject)),
    )
    const failed = sandboxes.use('a', run('1'))
    await expect.poll(() => fail).toBeDefined()
    const waiting = sandboxes.use('b', run('3'))
    // By the next tick it waits: one session is the maximum.
    await new Promise(setImmediate)
    fail?.(new Error('no memory'))
    await expect(failed).rejects.toThrow('no memory')
    expect((await waiting).logs).toBe('3\n')
  })

  test('an abort while waiting for an earlier call of the key does not disturb the order', async () => {
    const sandboxes = open()
    const { work, release } = gate()
    const first = sandboxes.use('a', work)
    const abort = new AbortController()
    const second = sandboxes.use('a', run('2'), abort.signal)
    const third = sandboxes.use('a', run('3'))
    abort.abort(new Error('cancelled'))
    await expect(second).rejects.toThrow('cancelled')
    release()
    await first
    expect((await third).logs).toBe('3\n')
  })

  test('a session that was started in advance is used, and the pool starts another one', async () => {
    const opened: number[] = []
    const sandboxes = open({ poolSize: 1, maxSessions: 4 }, async (limits) => {
      const session = await driver.open(limits)
      opened.push(1)
      return session
    })
    await expect.poll(() => opened).toHaveLength(1)
    expect(await sandboxes.use('a', run('1'))).toMatchObject({ fresh: true, reason: 'new' })
    await expect.poll(() => opened).toHaveLength(2)
  })

  test('above the memory limit of all sessions the one that was idle longest ends first', async () => {
    const sandboxes = open({ totalMemoryMb: 400 })
    const fill = 'kept = bytearray(150_000_000)'
    let first: PooledSession['session'] | undefined
    await sandboxes.use('a', async ({ session }) => {
      first = session
      await runCode(session, fill)
    })
    await sandboxes.use('b', run(fill))
    // All three together exceed the limit; without the first they do not.
    await sandboxes.use('c', async ({ session }) => {
      await runCode(session, fill)
      await expect.poll(() => first?.isAlive()).toBe(false)
      expect(session.isAlive()).toBe(true)
    })
    expect(await sandboxes.use('b', run('len(kept)'))).toMatchObject({ fresh: false, logs: '150000000\n' })
    expect(await sandboxes.use('a', run('1'))).toMatchObject({ fresh: true, reason: 'evicted' })
  })

  test('when no session is idle the largest cell is stopped with a message that says why', async () => {
    const sandboxes = open({ totalMemoryMb: 250 })
    const small = sandboxes.use('a', run('import time\ntime.sleep(5)\n7'))
    const large = await sandboxes.use('b', run('kept = bytearray(300_000_000)\nimport time\ntime.sleep(60)'))
    expect(large.end).toEqual({ status: 'memory', sessionLost: true })
    expect(large.logs).toContain('together used more memory than they may')
    expect((await small).logs).toBe('7\n')
  })

  test('ending a key closes its session and forgets it', async () => {
    const sandboxes = open()
    await sandboxes.use('a', run('1'))
    await sandboxes.end('a')
    expect(await sandboxes.use('a', run('1'))).toMatchObject({ fresh: true, reason: 'new' })
  })

  test('ending a key ends its running cell, and the session of a call that waited is ended after the call', async () => {
    const pool = open()
    let started = () => {}
    const running = new Promise<void>((resolve) => (started = resolve))
    const going = pool.use('a', ({ session }) => {
      const code = "print('on', flush=True)\nwhile True:\n    pass"
      return session.run(code, () => started(), new AbortController().signal)
    })
    await running
    let left: PooledSession['session'] | undefined
    const waiting = pool.use('a', async ({ session }) => {
      left = session
      return (await runCode(session, '7')).logs
    })
    await pool.end('a')
    expect(await going).toMatchObject({ sessionLost: true })
    expect(await waiting).toBe('7\n')
    expect(left?.isAlive()).toBe(false)
  })

  test('closing ends the cells that run and refuses new ones', async () => {
    const sandboxes = open()
    let started = () => {}
    const running = new Promise<void>((resolve) => (started = resolve))
    const going = sandboxes.use('a', ({ session }) => {
      const code = "print('on', flush=True)\nwhile True:\n    pass"
      return session.run(code, () => started(), new AbortController().signal)
    })
    await running
    await sandboxes.close()
    expect(await going).toMatchObject({ sessionLost: true })
    await expect(sandboxes.use('a', run('1'))).rejects.toThrow('shutting down')
  })
})
