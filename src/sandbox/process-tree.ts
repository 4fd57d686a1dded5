/** A tree of processes, read from /proc: its members, its memory and its open files. */
import { readdir, readFile, stat, statfs, writeFile } from 'node:fs/promises'
import { sleep } from '../util/abort.ts'

const pageBytes = 4096

/** The pids of `root` and of all its descendants, including children of threads. */
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
 * Ends everything below `root` except `spared`; false when processes are left. Stops them before it kills them:
 * stopped processes still count towards the process limit, so that a fork bomb cannot start new ones.
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

/** Stops all processes below `root` except `spared`, also those that are started meanwhile. Returns their pids. */
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

/** Ended, or a zombie that its parent has not waited for yet. */
async function isDead(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name of the program is in brackets and may contain brackets.
  const state = text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3)
  return state === '' || state === 'Z' || state === 'X'
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended in the meantime.
  }
}

/**
 * Memory of the tree in bytes. The sum of the resident sizes counts pages that forked children share once for each,
 * so a sum over `limitBytes` is replaced by the exact one, which takes longer to read.
 */
export async function treeBytes(pids: number[], limitBytes: number): Promise<number> {
  const resident = await Promise.all(pids.map(residentBytes))
  if (sum(resident) <= limitBytes) return sum(resident)
  const exact = await Promise.all(
    pids.map(async (pid, at) => (await sharedOutBytes(pid)) ?? resident[at] ?? 0),
  )
  return sum(exact)
}

/** The memory of one process in bytes, with each shared page divided among its users; undefined when unreadable. */
export async function sharedOutBytes(pid: number): Promise<number | undefined> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  const kib = /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

async function residentBytes(pid: number): Promise<number> {
  const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')
  return Number(statm.split(' ')[1] ?? 0) * pageBytes
}

export interface OpenFiles {
  /** Bytes of deleted files: a walk over the folder does not see them, yet they fill the disk. */
  deletedBytes: number
  sockets: number
}

/**
 * The open files and sockets of the tree. Deleted files count when they are on `device`; one that is only mapped has no
 * readable size and counts as `mappedBytes`. A file or socket that several processes share counts once.
 */
export async function openFiles(pids: number[], device: bigint, mappedBytes: number): Promise<OpenFiles> {
  const sizes = new Map<string, number>()
  const sockets = new Set<bigint>()
  for (const pid of pids) {
    const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '')
    for (const [, major, minor, inode] of maps.matchAll(/ (\w+):(\w+) (\d+) .*\(deleted\)$/gm)) {
      if (deviceNumber(major, minor) === device) sizes.set(inode ?? '', mappedBytes)
    }
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const file = await stat(`/proc/${pid}/fd/${descriptor}`, { bigint: true }).catch(() => undefined)
      if (file?.isSocket()) sockets.add(file.ino)
      else if (file?.isFile() && file.nlink === 0n && file.dev === device) {
        sizes.set(String(file.ino), Number(file.blocks) * 512)
      }
    }
  }
  return { deletedBytes: sum([...sizes.values()]), sockets: sockets.size }
}

/**
 * Files and folders in the memory file systems at `folders`, as the tree's youngest process sees them. Each takes
 * memory of the kernel, also an empty one. Undefined when the host cannot inspect the processes.
 */
export async function memoryFiles(pids: number[], folders: readonly string[]): Promise<number | undefined> {
  const pid = pids.at(-1)
  const used = await Promise.all(
    folders.map(async (folder) => {
      const { files, ffree } = await statfs(`/proc/${pid}/root${folder}`)
      return files - ffree
    }),
  ).catch(() => undefined)
  return used && sum(used)
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

/**
 * Makes the kernel end this process, and processes that it starts later, before the server and its database when
 * memory is short. A cell cannot undo this when the server is root.
 */
export async function endFirstWhenMemoryIsShort(pid: number): Promise<void> {
  // There is no such file on other systems, or when the process has just ended.
  await writeFile(`/proc/${pid}/oom_score_adj`, '1000').catch(() => {})
}
