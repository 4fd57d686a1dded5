/** The watchdogs of a native cell: memory of the whole tree, and the disk that its files take. */
import { deletedFileBytes, processTree, treeExceeds } from './process-tree.ts'
import type { SandboxLimits } from './port.ts'
import type { Overrun } from './run-cell.ts'
import type { SessionFolder } from './session-folder.ts'
import { sleep } from '../util/abort.ts'

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
  repeat(memoryEveryMs, signal, async () => {
    const pids = await processTree(tree.root)
    if (await treeExceeds(pids, tree.limits.memoryMb * mib)) tell({ status: 'memory', hard: true })
  }).catch(onBlind('memory'))
  let allowed = 0
  repeat(diskEveryMs, signal, async () => {
    const { bytes, full } = await diskUse(tree)
    // A session that is over its limit may still run the cell that deletes files.
    if (allowed === 0) allowed = Math.max(bytes, tree.limits.diskMb * mib)
    if (bytes > allowed || full) tell({ status: 'disk', hard: bytes > 1.25 * allowed })
  }).catch(onBlind('disk'))
  return () => stopped.abort()
}

/** What the session holds on disk, deleted files that are still open included. */
async function diskUse({ root, folder, limits }: WatchedTree): Promise<{ bytes: number; full: boolean }> {
  const seen = await folder.usage()
  const held = await deletedFileBytes(await processTree(root), folder.device, limits.fileMb * mib)
  return { bytes: seen.bytes + held, full: seen.full }
}

/** Runs `look` again and again; a look that takes long is followed by a longer pause, so that it stays cheap. */
async function repeat(everyMs: number, signal: AbortSignal, look: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const began = performance.now()
    await look()
    await sleep(Math.max(everyMs, 4 * (performance.now() - began)), signal)
  }
}
