import { expect, test } from 'vitest'
import { defaultLimits } from '../port.ts'
import { judgeDisk, judgeKernel } from './watch-tree.ts'

const mib = 1024 * 1024
const limits = { ...defaultLimits, diskMb: 100 }
const at = (mebibytes: number, free = 50_000, full = false) => ({
  bytes: mebibytes * mib,
  free: free * mib,
  full,
})

test('a session within its limit is not stopped', () => {
  expect(judgeDisk(at(0), at(100), limits)).toBeUndefined()
})

test('a cell a little over the limit gets time to stop by itself, a cell far over it does not', () => {
  expect(judgeDisk(at(0), at(101), limits)).toEqual({ status: 'disk', hard: false })
  expect(judgeDisk(at(0), at(126), limits)).toEqual({ status: 'disk', hard: true })
})

test('a session that was over the limit at the start of the cell may shrink but not grow', () => {
  expect(judgeDisk(at(300), at(299), limits)).toBeUndefined()
  expect(judgeDisk(at(300), at(301), limits)).toEqual({ status: 'disk', hard: false })
})

test('too many files exceed the limit whatever their size', () => {
  expect(judgeDisk(at(0), at(1, 50_000, true), limits)).toEqual({ status: 'disk', hard: false })
})

test('a disk that fills up while the cell runs ends it, a disk that was full before does not', () => {
  expect(judgeDisk(at(0, 700), at(0, 400), limits)).toEqual({ status: 'disk', hard: true })
  expect(judgeDisk(at(0, 410), at(0, 400), limits)).toBeUndefined()
  expect(judgeDisk(at(0, 9000), at(0, 5000), limits)).toBeUndefined()
})

test('memory that the kernel holds is limited: sockets by their buffers, files in memory by their number', () => {
  const few = { sockets: 100, memoryFiles: 9000 }
  expect(judgeKernel(few, limits)).toBeUndefined()
  expect(judgeKernel({ ...few, sockets: 2600 }, limits)).toEqual({ status: 'memory', hard: true })
  expect(judgeKernel({ ...few, memoryFiles: 10_001 }, limits)).toEqual({ status: 'disk', hard: true })
})
