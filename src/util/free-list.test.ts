import { expect, test } from 'vitest'
import { FreeList } from './free-list.ts'

const never = new AbortController().signal

test('who comes first is served first, and what came back last is taken first', async () => {
  const list = new FreeList<string>()
  const waiting = [list.take(never), list.take(never)]
  list.give('a')
  list.give('b')
  expect(await Promise.all(waiting)).toEqual(['a', 'b'])
  list.give('a')
  list.give('b')
  expect(await list.take(never)).toBe('b')
})

test('who leaves the line does not take anything along', async () => {
  const list = new FreeList<string>()
  const leaving = new AbortController()
  const left = list.take(leaving.signal)
  const next = list.take(never)
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  list.give('a')
  expect(await next).toBe('a')
  await expect(list.take(leaving.signal)).rejects.toThrow('gone')
})
