import { describe, expect, test } from 'vitest'
import {
  type Architecture,
  deniedSyscalls,
  judgedSyscalls,
  seccompFilter,
  type SocketRule,
} from './seccomp.ts'

const allow = 0x7fff0000
const kill = 0x80000000
const errno = (number: number) => 0x00050000 + number
const audit = { x64: 0xc000003e, arm64: 0xc00000b7 }

interface Call {
  number: number
  architecture?: number
  arguments?: number[]
}

/** Runs the filter as the kernel would; a jump out of the program or a load out of bounds throws. */
function judge(architecture: Architecture, call: Call, sockets: SocketRule = 'unix'): number {
  const program = seccompFilter(architecture, sockets)
  const view = Buffer.alloc(64)
  view.writeUInt32LE(call.number, 0)
  view.writeUInt32LE(call.architecture ?? audit[architecture], 4)
  for (const [index, value] of (call.arguments ?? []).entries()) view.writeUInt32LE(value, 16 + 8 * index)
  let word = 0
  for (let at = 0; ; at += 1) {
    const operand = program.readUInt32LE(at * 8 + 4)
    const jump = (taken: boolean) => {
      at += program.readUInt8(at * 8 + (taken ? 2 : 3))
    }
    const code = program.readUInt16LE(at * 8)
    if (code === 0x20) word = view.readUInt32LE(operand)
    else if (code === 0x15) jump(word === operand)
    else if (code === 0x25) jump(word > operand)
    else if (code === 0x35) jump(word >= operand)
    else if (code === 0x45) jump((word & operand) !== 0)
    else if (code === 0x06) return operand
    else throw new Error(`instruction ${code}`)
  }
}

describe.each(['x64', 'arm64'] as const)('the system call filter for %s', (architecture) => {
  test('refuses every call of the table', () => {
    const numbers = Object.values(deniedSyscalls).flatMap((known) => known[architecture] ?? [])
    expect(numbers.length).toBeGreaterThan(75)
    expect(numbers.filter((number) => judge(architecture, { number }) !== errno(1))).toEqual([])
  })

  test('lets ordinary calls pass', () => {
    // read, write, mmap, execve, exit_group
    const ordinary = { x64: [0, 1, 9, 59, 231], arm64: [63, 64, 222, 221, 94] }[architecture]
    expect(ordinary.map((number) => judge(architecture, { number }))).toEqual(ordinary.map(() => allow))
  })

  test('ends callers of another architecture and of x32', () => {
    const other = architecture === 'x64' ? audit.arm64 : audit.x64
    expect(judge(architecture, { number: 0, architecture: other })).toBe(kill)
    expect(judge(architecture, { number: 0x40000001 })).toBe(kill)
  })

  test('answers calls that are newer than its table as an old kernel does', () => {
    expect(judge(architecture, { number: 451 })).toBe(errno(38))
    expect(judge(architecture, { number: judgedSyscalls.clone3[architecture] })).toBe(errno(38))
  })

  test('allows clone to create threads and processes, but no namespaces', () => {
    const number = judgedSyscalls.clone[architecture]
    expect(judge(architecture, { number, arguments: [0x003d0f00] })).toBe(allow)
    expect(judge(architecture, { number, arguments: [17] })).toBe(allow)
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      expect(judge(architecture, { number, arguments: [2 ** bit + 17] })).toBe(errno(1))
    }
  })

  test('allows Unix sockets, or only pairs of them', () => {
    const socket = judgedSyscalls.socket[architecture]
    const pair = judgedSyscalls.socketpair[architecture]
    expect(judge(architecture, { number: socket, arguments: [1] })).toBe(allow)
    expect(judge(architecture, { number: socket, arguments: [1] }, 'pairs')).toBe(errno(97))
    expect(judge(architecture, { number: pair, arguments: [1] }, 'pairs')).toBe(allow)
    for (const family of [0, 2, 10, 16, 17, 38, 40]) {
      expect(judge(architecture, { number: socket, arguments: [family] })).toBe(errno(97))
      expect(judge(architecture, { number: pair, arguments: [family] })).toBe(errno(97))
    }
  })

  test('refuses input into a terminal and changes of the limits of other processes', () => {
    const ioctl = judgedSyscalls.ioctl[architecture]
    expect(judge(architecture, { number: ioctl, arguments: [0, 0x5412] })).toBe(errno(1))
    expect(judge(architecture, { number: ioctl, arguments: [0, 0x541c] })).toBe(errno(1))
    expect(judge(architecture, { number: ioctl, arguments: [0, 0x5401] })).toBe(allow)
    const limits = judgedSyscalls.prlimit64[architecture]
    expect(judge(architecture, { number: limits, arguments: [0] })).toBe(allow)
    expect(judge(architecture, { number: limits, arguments: [1] })).toBe(errno(1))
  })
})
