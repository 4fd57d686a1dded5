import fs from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openLogger } from '../../src/cli/logger.ts'
import { DatabaseUnavailable } from '../../src/database/database.ts'

/** The messages of the lines of each write to stdout. */
let writes: string[][]
/** All lines. */
let lines: Record<string, unknown>[]

beforeEach(() => {
  writes = []
  lines = []
  vi.spyOn(fs, 'writeSync').mockImplementation((_fd, text) => {
    const written = String(text)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string })
    writes.push(written.map(({ msg }) => msg))
    lines.push(...written)
    return Buffer.byteLength(String(text))
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('the lines of one tick of the event loop are written together at its end', async () => {
  const { log, release } = openLogger('info')
  release()
  log('info', 'one')
  log('info', 'two')
  log('debug', 'not wanted')
  expect(writes).toEqual([])
  await new Promise(setImmediate)
  log('info', 'three')
  await new Promise(setImmediate)
  expect(writes).toEqual([['one', 'two'], ['three']])
})

test('warnings and errors are written at once, after the earlier lines', () => {
  const { log, release } = openLogger('info')
  release()
  log('info', 'one')
  log('warn', 'two')
  log('error', 'three')
  expect(writes).toEqual([['one', 'two'], ['three']])
})

/** Logs what the loops of a server log while a part of it is unavailable, once a second. */
function outage(log: ReturnType<typeof openLogger>['log'], seconds: number, reason = 'read-only'): void {
  for (let second = 0; second < seconds; second += 1) {
    log('warn', 'no runs could be claimed', { error: new DatabaseUnavailable(reason) })
    log('warn', 'expired objects could not be deleted', { error: new DatabaseUnavailable(reason) })
    vi.advanceTimersByTime(1000)
  }
}

test('an outage is one warning of each loop when it begins, and then one a minute with their number', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const { log, release } = openLogger('info')
  release()
  outage(log, 150)
  expect(lines.map(({ msg, repeated }) => [msg, repeated])).toEqual([
    ['no runs could be claimed', undefined],
    ['expired objects could not be deleted', undefined],
    ['no runs could be claimed', 60],
    ['expired objects could not be deleted', 60],
    ['no runs could be claimed', 60],
    ['expired objects could not be deleted', 60],
  ])
})

test('an outage that comes after a calm time is reported at once', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const { log, release } = openLogger('info')
  release()
  outage(log, 5)
  vi.advanceTimersByTime(40_000)
  outage(log, 5, 'not running')
  expect(lines.map(({ error }) => error)).toEqual(['read-only', 'read-only', 'not running', 'not running'])
})

test('other warnings and errors are all written, and at the level debug those of an outage too', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const { log, release } = openLogger('debug')
  release()
  for (let time = 0; time < 3; time += 1) {
    log('warn', 'a cell was stopped')
    log('warn', 'no runs could be claimed', { error: new Error('a fault of the program') })
    log('error', 'a request failed', { error: new DatabaseUnavailable('gone') })
  }
  outage(log, 3)
  await new Promise(setImmediate)
  const levels = lines.map(({ level }) => level)
  expect(levels.slice(9)).toEqual(['warn', 'warn', 'debug', 'debug', 'debug', 'debug'])
  expect(levels.slice(0, 9)).not.toContain('debug')
})
