/** What a tree of processes uses, read from /proc: its members, its memory, and deleted files it keeps open. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { sleep } from '../util/abort.ts'

const pageBytes = 4096

/** Pids of `root` and everything below it. Children started by any thread are found. */
export async function processTree(root: number): Promise<number[]> {
  const found = [root]
  for (let at = 0; at < found.length; at += 1) {
    const pid = found[at] ?? root
    const tasks = await readdir(`/proc/${pid}/task`).catch(() => [])
    const lists = await Promise.all(
      tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
    )
    for (const child of lists.join(' ').split(/\s+/)) if (child !== '') found.push(Number(child))
  }
  return found
}

/**
 * Ends everything below `root` but `spared`; false when the tree would not become empty. Freezes before it kills:
 * the frozen still count as processes, so that a fork bomb runs out of room.
 */
export async function endBelow(root: number, spared: number): Promise<boolean> {
  for (let round = 0; round < 200; round += 1) {
    const frozen = await freezeBelow(root, spared)
    if (frozen.length === 0) return true
    signalAll(frozen, 'SIGKILL')
    await sleep(2)
  }
  return false
}

/** Stops everything below `root` but `spared`, also what is started meanwhile; the pids of what now stands still. */
export async function freezeBelow(root: number, spared = 0): Promise<number[]> {
  const frozen = new Set<number>()
  for (;;) {
    const fresh = (await livingBelow(root, spared)).filter((pid) => !frozen.has(pid))
    if (fresh.length === 0) return [...frozen]
    signalAll(fresh, 'SIGSTOP')
    for (const pid of fresh) frozen.add(pid)
  }
}

export function signalAll(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids) signalQuietly(pid, signal)
}

async function livingBelow(root: number, spared: number): Promise<number[]> {
  const others = (await processTree(root)).filter((pid) => pid !== root && pid !== spared)
  const dead = await Promise.all(others.map(isDead))
  return others.filter((_pid, at) => !dead[at])
}

/** Gone, or a zombie that its parent has not looked at yet. */
async function isDead(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The program's name stands in brackets and may hold brackets itself.
  const state = text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3)
  return state === '' || state === 'Z' || state === 'X'
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between the look and the signal.
  }
}

/**
 * Whether the tree holds more than `limitBytes`. Resident pages that forked children share are counted once for
 * each in the cheap sum, so a sum over the limit is confirmed with the dear, exact one before anybody is killed.
 */
export async function treeExceeds(pids: number[], limitBytes: number): Promise<boolean> {
  const resident = await Promise.all(pids.map(residentBytes))
  if (sum(resident) <= limitBytes) return false
  const exact = await Promise.all(
    pids.map(async (pid, at) => (await sharedOutBytes(pid)) ?? resident[at] ?? 0),
  )
  return sum(exact) > limitBytes
}

/** Memory of one process in bytes, shared pages divided among those who share them; undefined when unreadable. */
export async function sharedOutBytes(pid: number): Promise<number | undefined> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  const kib = /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

async function residentBytes(pid: number): Promise<number> {
  const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')
  return Number(statm.split(' ')[1] ?? 0) * pageBytes
}

/**
 * Bytes of deleted files on `device` that the tree holds by a descriptor or a mapping: a walk over the folder does
 * not see them, yet they fill the disk. A file that is only mapped has no readable size and counts `mappedBytes`.
 */
export async function deletedFileBytes(pids: number[], device: bigint, mappedBytes: number): Promise<number> {
  const sizes = new Map<string, number>()
  for (const pid of pids) {
    const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '')
    for (const [, major, minor, inode] of maps.matchAll(/ (\w+):(\w+) (\d+) .*\(deleted\)$/gm)) {
      if (deviceNumber(major, minor) === device) sizes.set(inode ?? '', mappedBytes)
    }
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const file = await stat(`/proc/${pid}/fd/${descriptor}`, { bigint: true }).catch(() => undefined)
      if (file?.isFile() && file.nlink === 0n && file.dev === device) {
        sizes.set(String(file.ino), Number(file.blocks) * 512)
      }
    }
  }
  return sum([...sizes.values()])
}

/** Two hexadecimal halves as /proc prints them -> the number that stat gives, in glibc's order of bits. */
function deviceNumber(major = '0', minor = '0'): bigint {
  const high = BigInt(`0x${major}`)
  const low = BigInt(`0x${minor}`)
  return ((high & 0xfffn) << 8n) | (low & 0xffn) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n)
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
