/** The watchdogs of a native cell: memory of the whole tree, and the disk that its files take. */
import { statfs } from 'node:fs/promises'
import { deletedFileBytes, processTree, treeExceeds } from '../process-tree.ts'
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
}

/** Calls back when a limit is passed, until the returned function is called. */
export function watchTree(tree: WatchedTree, onOverrun: (overrun: Overrun) => void): () => void {
  const stopped = new AbortController()
  const { signal } = stopped
  const tell = (overrun: Overrun) => {
    if (!signal.aborted) onOverrun(overrun)
  }
  // A watchdog that has gone blind lets nothing pass.
  const onBlind = (status: Overrun['status']) => () => tell({ status, hard: true })
  const watchMemory = async () => {
    // Most cells are over before there is anything to see.
    await sleep(memoryEveryMs, signal)
    await repeat(memoryEveryMs, signal, lookAtMemory)
  }
  const lookAtMemory = async () => {
    const pids = await processTree(tree.root)
    if (await treeExceeds(pids, tree.limits.memoryMb * mib)) tell({ status: 'memory', hard: true })
  }
  watchMemory().catch(onBlind('memory'))
  let before: DiskUse | undefined
  repeat(diskEveryMs, signal, async () => {
    const now = await diskUse(tree)
    before ??= now
    const overrun = judgeDisk(before, now, tree.limits)
    if (overrun) tell(overrun)
  }).catch(onBlind('disk'))
  return () => stopped.abort()
}

export interface DiskUse {
  /** Bytes that the session is known to hold. */
  bytes: number
  /** True when there are too many entries to count. */
  full: boolean
  /** Bytes left on the file system. */
  free: number
}

/** Below this the rest of the machine is in danger, whoever it was that filled the disk. */
const freeFloorBytes = 512 * mib

/** Compares what a session holds with what it held as the cell began. */
export function judgeDisk(before: DiskUse, now: DiskUse, { diskMb }: SandboxLimits): Overrun | undefined {
  const limit = diskMb * mib
  // A session that is over its limit may still run the cell that deletes files.
  const allowed = Math.max(limit, before.bytes)
  // Where the host may not look into the processes, files that are deleted but open show only in what is left.
  const hidden = now.free < freeFloorBytes && before.free - now.free > limit
  const hard = hidden || now.bytes > 1.25 * allowed
  return now.full || hard || now.bytes > allowed ? { status: 'disk', hard } : undefined
}

async function diskUse({ root, folder, limits }: WatchedTree): Promise<DiskUse> {
  const { bytes, full } = await folder.usage()
  const held = await deletedFileBytes(await processTree(root), folder.device, limits.fileMb * mib)
  const { bavail, bsize } = await statfs(folder.data)
  return { bytes: bytes + held, full, free: bavail * bsize }
}

/** Runs `look` again and again; a look that takes long is followed by a longer pause, so that it stays cheap. */
async function repeat(everyMs: number, signal: AbortSignal, look: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const began = performance.now()
    await look()
    await sleep(Math.max(everyMs, 4 * (performance.now() - began)), signal)
  }
}
