import { expect, test } from 'vitest'
import { DatabaseUnavailable, type Queryable, type Statement } from '../database/database.ts'
import { Feed } from './feed.ts'
import { Hints } from './hints.ts'
import { LogClosed, RunLog } from './run-log.ts'

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

/** The log during an outage, and a promise of the first read. */
function logInOutage(): { runLog: RunLog; isReading: Promise<void> } {
  let onRead = () => {}
  const isReading = new Promise<void>((resolve) => (onRead = resolve))
  const query = () => {
    onRead()
    return Promise.reject(new DatabaseUnavailable('The connection was refused'))
  }
  return { runLog: new RunLog({ query }, new Hints({ shared: false })), isReading }
}

const readers = {
  tail: (runLog: RunLog, signal: AbortSignal) => runLog.tail('run_1', 0, { isLast: () => false, signal }),
  follow: (runLog: RunLog, signal: AbortSignal) => runLog.follow('run_1', 0, signal),
}

test.each(Object.entries(readers))('a stop during an outage ends %s as a stop', async (_, read) => {
  const { runLog, isReading } = logInOutage()
  const reading = read(runLog, new AbortController().signal).next()
  await isReading
  runLog.close()
  await expect(reading).rejects.toThrow(LogClosed)
})

test.each(Object.entries(readers))('a client that hangs up during an outage ends %s', async (_, read) => {
  const { runLog, isReading } = logInOutage()
  const client = new AbortController()
  const reading = read(runLog, client.signal).next()
  await isReading
  client.abort()
  expect(await reading).toEqual({ done: true, value: undefined })
})

test('a follower gets the end of a run that is written after it has read the log', async () => {
  const hints = new Hints({ shared: false })
  let reads = 0
  const query = async ({ name }: Statement): Promise<any[]> => {
    if (name === 'status_of_run') return [{ status: 'completed' }]
    reads += 1
    if (reads > 1) return [{ first: 1, entries: [['thread.run.completed', {}]] }]
    setImmediate(() => hints.send({ kind: 'log', run_ids: ['run_1'] }))
    return []
  }
  const following = new RunLog({ query }, hints).follow('run_1', 0, new AbortController().signal)
  const { value } = await following.next()
  expect(value).toEqual([{ number: 1, event: 'thread.run.completed', data: '{}' }])
  await following.return(undefined)
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
