import { afterEach, expect, test, vi } from 'vitest'
import { Feed, type FeedEvent } from './feed.ts'

afterEach(() => vi.restoreAllMocks())

test('events that wait for their commit are not copied with each event that follows', () => {
  const feed = new Feed('run_1', 0)
  const eventOf = (length: number): FeedEvent => ({ event: 'e', data: 'a'.repeat(length), number: null })
  const events = [eventOf(4 * 1024 * 1024), ...Array.from({ length: 100 }, () => eventOf(100))]
  const copies = vi.spyOn(Array.prototype, 'slice')
  for (const event of events) feed.emit([event])
  expect(copies).not.toHaveBeenCalled()
  feed.confirm(events, events.length)
  feed.emit([eventOf(100)])
  expect(copies).toHaveBeenCalledTimes(1)
  expect(feed.read(0)).toBe('behind')
  expect(feed.read(1)).toHaveLength(101)
})
