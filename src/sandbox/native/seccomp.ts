/** The system call filter as classic BPF, written here so that no native library is needed. */
import { readFileSync } from 'node:fs'

export type Architecture = 'x64' | 'arm64'

/** The sockets that a cell may create: Unix ones where the driver hides the host's, or only connected pairs. */
export type SocketRule = 'unix' | 'pairs'

/**
 * Numbers of the system calls that no cell needs, by architecture: those that reach other processes, the kernel, devices
 * and other sessions. A deny list is the weaker form of a filter, since a forgotten call is allowed; calls that are newer
 * than the table are refused. A call that an architecture does not have is missing there.
 */
export const deniedSyscalls = JSON.parse(
  readFileSync(new URL('denied-syscalls.json', import.meta.url), 'utf8'),
) as Record<string, Partial<Record<Architecture, number>>>

/** System calls that are allowed or refused by their arguments. */
export const judgedSyscalls = {
  clone: { x64: 56, arm64: 220 },
  clone3: { x64: 435, arm64: 435 },
  ioctl: { x64: 16, arm64: 29 },
  prlimit64: { x64: 302, arm64: 261 },
  socket: { x64: 41, arm64: 198 },
  socketpair: { x64: 53, arm64: 199 },
}

/** The highest number in the tables. Newer calls get the answer of an older kernel. */
const lastSyscall = 450

type Judged = keyof typeof judgedSyscalls

/** One `struct sock_filter`: code, jump if true, jump if false, operand. */
type Instruction = [code: number, yes: number, no: number, operand: number]

const loadWord = 0x20
const jumpEqual = 0x15
const jumpGreater = 0x25
const jumpAtLeast = 0x35
const jumpAnyBit = 0x45
const returnValue = 0x06

const allow = 0x7fff0000
const killProcess = 0x80000000
const refuseWith = (errno: number) => 0x00050000 + errno
const notPermitted = refuseWith(1)
const noSuchCall = refuseWith(38)
const noSuchFamily = refuseWith(97)

/** `AUDIT_ARCH_*`: what the kernel reports as the caller's architecture. */
const auditArchitecture: Record<Architecture, number> = { x64: 0xc000003e, arm64: 0xc00000b7 }

/** Offsets in `struct seccomp_data`; arguments are 64 bits wide, low half first on both architectures. */
const numberAt = 0
const architectureAt = 4
const argumentAt = (index: number) => 16 + 8 * index

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const newNamespaces = 0x7e020000
const unixFamily = 1
/** Terminal ioctls that type into a terminal on behalf of its owner. */
const typingIoctls = [0x5412, 0x541c]

export function isArchitecture(name: string): name is Architecture {
  return name === 'x64' || name === 'arm64'
}

/** The filter's bytes: an array of `struct sock_filter`, as bubblewrap and prctl take it. */
export function seccompFilter(architecture: Architecture, sockets: SocketRule): Buffer {
  const program = filterProgram(architecture, sockets)
  const bytes = Buffer.alloc(program.length * 8)
  for (const [index, [code, yes, no, operand]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(yes, index * 8 + 2)
    bytes.writeUInt8(no, index * 8 + 3)
    bytes.writeUInt32LE(operand, index * 8 + 4)
  }
  return bytes
}

function filterProgram(architecture: Architecture, sockets: SocketRule): Instruction[] {
  const judge = (call: Judged, verdict: Instruction[]): Instruction[] => [
    [jumpEqual, 0, verdict.length, judgedSyscalls[call][architecture]],
    ...verdict,
  ]
  const onlyUnix: Instruction[] = [
    [loadWord, 0, 0, argumentAt(0)],
    [jumpEqual, 1, 0, unixFamily],
    [returnValue, 0, 0, noSuchFamily],
    [returnValue, 0, 0, allow],
  ]
  return [
    [loadWord, 0, 0, architectureAt],
    [jumpEqual, 1, 0, auditArchitecture[architecture]],
    [returnValue, 0, 0, killProcess],
    [loadWord, 0, 0, numberAt],
    // Calls of the x32 ABI have this bit set. None of the numbers below matches them.
    [jumpAtLeast, 0, 1, 0x40000000],
    [returnValue, 0, 0, killProcess],
    [jumpGreater, 0, 1, lastSyscall],
    [returnValue, 0, 0, noSuchCall],
    // Its flags are in memory, which a filter cannot read; the C library falls back to clone.
    ...judge('clone3', [[returnValue, 0, 0, noSuchCall]]),
    ...judge('clone', [
      [loadWord, 0, 0, argumentAt(0)],
      [jumpAnyBit, 0, 1, newNamespaces],
      [returnValue, 0, 0, notPermitted],
      [returnValue, 0, 0, allow],
    ]),
    ...judge('socket', sockets === 'unix' ? onlyUnix : [[returnValue, 0, 0, noSuchFamily]]),
    ...judge('socketpair', onlyUnix),
    ...judge('ioctl', [
      [loadWord, 0, 0, argumentAt(1)],
      ...typingIoctls.flatMap((request): Instruction[] => [
        [jumpEqual, 0, 1, request],
        [returnValue, 0, 0, notPermitted],
      ]),
      [returnValue, 0, 0, allow],
    ]),
    // Only for the calling process: with a shared uid it could change the limits of another session.
    ...judge('prlimit64', [
      [loadWord, 0, 0, argumentAt(0)],
      [jumpEqual, 1, 0, 0],
      [returnValue, 0, 0, notPermitted],
      [returnValue, 0, 0, allow],
    ]),
    ...Object.values(deniedSyscalls).flatMap((numbers): Instruction[] => {
      const number = numbers[architecture]
      if (number === undefined) return []
      return [
        [jumpEqual, 0, 1, number],
        [returnValue, 0, 0, notPermitted],
      ]
    }),
    [returnValue, 0, 0, allow],
  ]
}
