import fs from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openLogger } from '../../src/cli/logger.ts'

/** The messages of the lines of each write to stdout. */
let writes: string[][]

beforeEach(() => {
  writes = []
  vi.spyOn(fs, 'writeSync').mockImplementation((_fd, text) => {
    const lines = String(text).trim().split('\n')
    writes.push(lines.map((line) => (JSON.parse(line) as { msg: string }).msg))
    return Buffer.byteLength(String(text))
  })
})
afterEach(() => {
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
