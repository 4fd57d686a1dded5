import fs from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openLogger } from '../../src/cli/logger.ts'

/** What each write to stdout held, as the messages of its lines. */
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

test('the lines of one tick leave in one write, when it ends', async () => {
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

test('a warning and an error leave at once, after the lines before them', () => {
  const { log, release } = openLogger('info')
  release()
  log('info', 'one')
  log('warn', 'two')
  log('error', 'three')
  expect(writes).toEqual([['one', 'two'], ['three']])
})
