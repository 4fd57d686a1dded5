import { expect, test } from 'vitest'
import type { Queryable } from '../database/database.ts'
import { Feed } from './feed.ts'
import { Hints } from './hints.ts'
import { RunLog } from './run-log.ts'

/** What is in memory must not be looked up. */
const noDatabase: Queryable = {
  query: () => Promise.reject(new Error('the log in the database was read')),
}

const entry = (event: string) => ({ event, data: '{}' })

test('a reader that comes from the log gets nothing twice that another process wrote between the deltas', async () => {
  const runLog = new RunLog(noDatabase, new Hints({ shared: false }))
  const feed = new Feed('run_1', 0)
  runLog.addFeed(feed)
  feed.emitNumbered([{ ...entry('thread.run.in_progress'), number: 1 }])
  const ahead = { ...entry('thread.message.delta'), number: null }
  feed.emit([ahead])
  // A cancel became entry 2 before the delta was written as entry 3.
  feed.emitNumbered([{ ...entry('thread.run.cancelling'), number: 2 }])
  feed.confirm([ahead], 3)
  feed.emitNumbered([{ ...entry('thread.run.cancelled'), number: 4 }])
  const received: string[] = []
  const { signal } = new AbortController()
  const isLast = (event: string) => event === 'thread.run.cancelled'
  for await (const batch of runLog.tail('run_1', 2, { isLast, signal })) {
    received.push(...batch.map(({ event }) => event))
  }
  expect(received).toEqual(['thread.message.delta', 'thread.run.cancelled'])
})

test('events that are not committed are kept for slow readers, and committed ones are dropped', () => {
  const feed = new Feed('run_1', 0)
  const large = () => ({ event: 'thread.message.delta', data: 'x'.repeat(1024 * 1024), number: null })
  const entries = Array.from({ length: 4 }, large)
  feed.emit(entries)
  expect(feed.read(0)).toEqual([entries[0]])
  feed.confirm(entries, 4)
  feed.emit([large()])
  expect(feed.read(0)).toBe('behind')
})
