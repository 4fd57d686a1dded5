/** The common part of the two native drivers: a session with its own user id and folder, from its start to the clean-up. */
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type EventSink, reportFiles } from '../changed-files.ts'
import type { SandboxDriver, SandboxDriverName, SandboxLimits, SandboxSession } from '../port.ts'
import { endFirstWhenMemoryIsShort, freezeBelow, processTree, signalAll, treeBytes } from '../process-tree.ts'
import { sessionCells } from '../run-cell.ts'
import { runnerProcess, type RunnerProcess } from '../runner-process.ts'
import { type SessionFolder, sessionFolder } from '../session-folder.ts'
import { type SessionUser, takeSessionUser } from '../session-user.ts'
import { findHostPython, type HostPython } from './host-python.ts'
import { nativeSelfTest } from './self-test.ts'
import { watchTree } from './watch-tree.ts'

export interface NativeSettings {
  /** Where session folders are created. An unprivileged user must be able to reach it when the server is root. */
  folder: string
  pythonPath: string
  /** Modules that a session imports before its first cell. */
  preload: string[]
}

/** The parameters of one session. */
export interface NativeStart {
  python: HostPython
  folder: SessionFolder
  /** Set when the server is root. */
  user: SessionUser | undefined
  limits: SandboxLimits
}

/** The part in which the native drivers differ: how a process is confined, started and ended. */
export interface Confinement {
  name: SandboxDriverName
  settings: NativeSettings
  /** Whether the session has its own process list. */
  ownProcessList: boolean
  /** Folders of the session that are kept in memory, each a separate file system. */
  memoryFolders: readonly string[]
  /** Throws an error for the user when this host does not support the driver. */
  check(): void
  /** Starts the confined process; it must wait for `feed` before it does anything. */
  spawn(start: NativeStart): ChildProcess
  /** Ends the whole process tree. */
  kill(child: ChildProcess): void
  /** Sends the runner's code and settings to the child. */
  feed(child: ChildProcess, start: NativeStart): Promise<void>
  /** Ends the processes that a cell left running, where the runner cannot. False when that failed. */
  sweep(rootPid: number, runnerPid: number): Promise<boolean>
  /** The pid of the runner below the started process. Called when the runner is ready. */
  runnerPid(rootPid: number): Promise<number>
}

/** A start takes many times longer on a busy machine than on an idle one. */
const readyTimeoutMs = 120_000

export function nativeDriver(confinement: Confinement): SandboxDriver {
  const sessions = new Set<SandboxSession>()
  let python: HostPython | undefined

  async function open(limits: SandboxLimits): Promise<SandboxSession> {
    confinement.check()
    python ??= await findHostPython(confinement.settings.pythonPath)
    const user = process.getuid?.() === 0 ? await takeSessionUser() : undefined
    let folder: SessionFolder | undefined
    try {
      folder = await sessionFolder(join(confinement.settings.folder, randomUUID()), user)
      return await start({ python, folder, user, limits })
    } catch (error) {
      await folder?.remove()
      await user?.release()
      throw error
    }
  }

  async function start(parts: NativeStart): Promise<SandboxSession> {
    const child = confinement.spawn(parts)
    const runner = runnerProcess(child, () => confinement.kill(child))
    let runnerPid = 0
    const session = nativeSession({
      runner,
      folder: parts.folder,
      limits: parts.limits,
      memoryFolders: confinement.memoryFolders,
      async sweep() {
        if (runner.isAlive() && !(await confinement.sweep(runner.pid, runnerPid))) runner.kill()
      },
      async release() {
        sessions.delete(session)
        await parts.user?.release()
      },
    })
    sessions.add(session)
    try {
      await endFirstWhenMemoryIsShort(runner.pid)
      await confinement.feed(child, parts)
      await runner.ready(readyTimeoutMs)
      runnerPid = await confinement.runnerPid(runner.pid)
    } catch (error) {
      await session.close()
      throw error
    }
    return session
  }

  return {
    name: confinement.name,
    selfTest: () => nativeSelfTest({ open, ownProcessList: confinement.ownProcessList, tmp: '/tmp' }),
    open,
    async close() {
      await Promise.all([...sessions].map((session) => session.close()))
    },
  }
}

interface NativeParts {
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

/** A confined Python of the host, a folder, and the limits that the host enforces. */
function nativeSession(parts: NativeParts): SandboxSession {
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
