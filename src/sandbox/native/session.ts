/** A session of a native driver: a confined Python of the host, a folder, and the limits that the host enforces. */
import type { SandboxLimits, SandboxSession } from '../port.ts'
import { type EventSink, reportFiles } from '../changed-files.ts'
import { sessionCells } from '../run-cell.ts'
import { freezeBelow, processTree, signalAll, treeBytes } from '../process-tree.ts'
import type { RunnerProcess } from '../runner-process.ts'
import type { SessionFolder } from '../session-folder.ts'
import { watchTree } from './watch-tree.ts'

export interface NativeParts {
  runner: RunnerProcess
  folder: SessionFolder
  limits: SandboxLimits
  /** Folders of the session that are kept in memory. */
  memoryFolders: readonly string[]
  /** Ends the processes that a cell left running, where the runner cannot. */
  sweep: () => Promise<void>
  /** Frees what the driver reserved for the session. */
  release: () => Promise<void>
}

export function nativeSession(parts: NativeParts): SandboxSession {
  const { runner, folder, limits, memoryFolders } = parts
  const cells = sessionCells({
    runner,
    limits,
    watch: (onOverrun) => watchTree({ root: runner.pid, folder, limits, memoryFolders }, onOverrun),
  })
  /** The fingerprint of each file as the host last saw it. */
  const known = new Map<string, string>()
  /** Processes stopped after the last cell: a thread that the cell left running must not fill the disk. */
  let stopped: Promise<number[]> = Promise.resolve([])
  let closing: Promise<void> | undefined

  async function reportChanges(onEvent: EventSink): Promise<void> {
    const changed = (await folder.files()).filter((file) => known.get(file.name) !== file.print)
    for (const file of changed) known.set(file.name, file.print)
    reportFiles(changed, limits, onEvent)
  }

  async function close(): Promise<void> {
    runner.kill()
    await runner.ended
    await parts.sweep()
    await folder.remove()
    await parts.release()
  }

  return {
    isAlive: () => runner.isAlive() && closing === undefined,
    async put(name, source) {
      await folder.put(name, source)
      const written = (await folder.files()).find((file) => file.name === name)
      if (written) known.set(name, written.print)
    },
    link: (name, alias) => folder.link(name, alias),
    async run(code, onEvent, signal) {
      signalAll(await stopped, 'SIGCONT')
      const { status, sessionLost } = await cells.run(code, onEvent, signal)
      await parts.sweep()
      if (!sessionLost) stopped = freezeBelow(runner.pid)
      if (status !== 'cancelled') await reportChanges(onEvent)
      return { status, sessionLost }
    },
    memoryBytes: async () => treeBytes(await processTree(runner.pid), 0),
    stopForMemory: () => cells.stopForMemory(),
    read: (name) => folder.read(name, limits.fileMb * 1024 * 1024),
    close: () => (closing ??= close()),
  }
}
