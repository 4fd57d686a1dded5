/** The watchdogs of a native cell: the memory of the process tree, and the disk space of its files. */
import { statfs } from 'node:fs/promises'
import { memoryFiles, openFiles, processTree, treeBytes } from '../process-tree.ts'
import type { SandboxLimits } from '../port.ts'
import type { Overrun } from '../run-cell.ts'
import type { SessionFolder } from '../session-folder.ts'
import { sleep } from '../../util/abort.ts'

const memoryEveryMs = 100
const diskEveryMs = 200
const mib = 1024 * 1024

export interface WatchedTree {
  /** The process that all others of the session descend from. */
  root: number
  folder: SessionFolder
  limits: SandboxLimits
  /** Folders that are kept in memory, as the session names them. */
  memoryFolders: readonly string[]
}

/** Calls back when a limit is exceeded, until the returned function is called. */
export function watchTree(tree: WatchedTree, onOverrun: (overrun: Overrun) => void): () => void {
  const stopped = new AbortController()
  const { signal } = stopped
  const report = (overrun: Overrun) => {
    if (!signal.aborted) onOverrun(overrun)
  }
  // A watchdog that fails ends the cell.
  const onFailure = (status: Overrun['status']) => () => report({ status, hard: true })
  const watchMemory = async () => {
    // Most cells end before the first measurement.
    await sleep(memoryEveryMs, signal)
    await repeat(memoryEveryMs, signal, lookAtMemory)
  }
  const lookAtMemory = async () => {
    const pids = await processTree(tree.root)
    const limit = tree.limits.memoryMb * mib
    if ((await treeBytes(pids, limit)) > limit) report({ status: 'memory', hard: true })
  }
  watchMemory().catch(onFailure('memory'))
  let before: DiskUse | undefined
  repeat(diskEveryMs, signal, async () => {
    const now = await diskUse(tree)
    before ??= now
    const overrun = judgeDisk(before, now, tree.limits) ?? judgeKernel(now, tree.limits)
    if (overrun) report(overrun)
  }).catch(onFailure('disk'))
  return () => stopped.abort()
}

export interface DiskUse {
  /** Bytes of all files that could be measured. */
  bytes: number
  /** True when there are too many entries to count. */
  full: boolean
  /** Bytes left on the file system. */
  free: number
  sockets: number
  /** Files and folders in memory file systems. */
  memoryFiles: number
}

/** With less free space than this, other programs on the machine may fail. */
const freeFloorBytes = 512 * mib

/** Compares the disk use of a session with its use when the cell started. */
export function judgeDisk(
  before: Pick<DiskUse, 'bytes' | 'free'>,
  now: Pick<DiskUse, 'bytes' | 'free' | 'full'>,
  { diskMb }: SandboxLimits,
): Overrun | undefined {
  const limit = diskMb * mib
  // A session that is over its limit may still run the cell that deletes files.
  const allowed = Math.max(limit, before.bytes)
  // Where the host cannot inspect the processes, open files that were deleted are visible only as missing free space.
  const hidden = now.free < freeFloorBytes && before.free - now.free > limit
  const hard = hidden || now.bytes > 1.25 * allowed
  return now.full || hard || now.bytes > allowed ? { status: 'disk', hard } : undefined
}

/** The default size of the buffers of one socket, in both directions. */
const socketBytes = 2 * 208 * 1024

/** As many files as the folder on the disk may have. */
const maxMemoryFiles = 10_000

/** Memory that the kernel holds for a session. The size of no process includes it. */
export function judgeKernel(
  { sockets, memoryFiles: files }: Pick<DiskUse, 'sockets' | 'memoryFiles'>,
  { memoryMb }: SandboxLimits,
): Overrun | undefined {
  if (sockets * socketBytes > memoryMb * mib) return { status: 'memory', hard: true }
  return files > maxMemoryFiles ? { status: 'disk', hard: true } : undefined
}

async function diskUse({ root, folder, limits, memoryFolders }: WatchedTree): Promise<DiskUse> {
  const { bytes, full } = await folder.usage()
  const pids = await processTree(root)
  const { deletedBytes, sockets } = await openFiles(pids, folder.device, limits.fileMb * mib)
  const { bavail, bsize } = await statfs(folder.data)
  const files = (await memoryFiles(pids, memoryFolders)) ?? 0
  return { bytes: bytes + deletedBytes, full, free: bavail * bsize, sockets, memoryFiles: files }
}

/** Repeats `look`. The pause grows with the duration of the call, so that watching takes little processor time. */
async function repeat(everyMs: number, signal: AbortSignal, look: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const began = performance.now()
    await look()
    await sleep(Math.max(everyMs, 4 * (performance.now() - began)), signal)
  }
}
