/**
 * The landlock driver, for a root server in a container that allows no namespaces: the host's Python under a user
 * id of its own for each session, behind Landlock and a system call filter that the runner puts on by itself.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { findHostPython, type HostPython, pythonEnvironment } from '../native/host-python.ts'
import { hiddenFolders, rootFolders, systemFolders, systemSettings } from '../native/host-python.ts'
import { nativeSession } from '../native/session.ts'
import type { SandboxDriver, SandboxLimits, SandboxSession } from '../port.ts'
import { endBelow, processTree } from '../process-tree.ts'
import { bundleDescriptor, nativeParts, pythonStart, runnerBundle } from '../runner-bundle.ts'
import { feed, runnerProcess } from '../runner-process.ts'
import { isArchitecture, seccompFilter } from '../native/seccomp.ts'
import { nativeSelfTest } from '../native/self-test.ts'
import { type SessionFolder, sessionFolder } from '../session-folder.ts'
import { takeSessionUser } from '../session-user.ts'

export interface LandlockSettings {
  /** Where session folders are made; must be reachable for an unprivileged user. */
  folder: string
  pythonPath: string
  preload: string[]
}

/** What the launcher decides; tests weaken one of them to prove that the self-test notices. */
export interface LandlockWalls {
  landlock: boolean
  seccomp: boolean
}

const allWalls: LandlockWalls = { landlock: true, seccomp: true }

/** The warden reads this descriptor; that it ends is how it learns that the session or the server is over. */
const lifelineDescriptor = 4
const readyTimeoutMs = 10_000

export function landlockDriver(settings: LandlockSettings, walls: LandlockWalls = allWalls): SandboxDriver {
  const sessions = new Set<SandboxSession>()
  let python: Promise<HostPython> | undefined

  async function open(limits: SandboxLimits): Promise<SandboxSession> {
    if (process.platform !== 'linux') throw new Error('Landlock is a part of Linux')
    if (process.getuid?.() !== 0)
      throw new Error('only a root server can give each session a user id of its own')
    python ??= findHostPython(settings.pythonPath)
    const host = await python
    const user = await takeSessionUser()
    const folder = await sessionFolder(join(settings.folder, randomUUID()), user)
    const child = startWarden(settings, folder)
    const runner = runnerProcess(child, () => void child.stdio[lifelineDescriptor]?.destroy())
    let runnerPid = 0
    const session = nativeSession({
      runner,
      folder,
      limits,
      async sweep() {
        if (runner.isAlive() && !(await endBelow(runner.pid, runnerPid))) runner.kill()
      },
      async release() {
        sessions.delete(session)
        await user.release()
      },
    })
    sessions.add(session)
    try {
      const inside = { folder: folder.data, ownProcessList: false, preload: settings.preload }
      const confinement = { uid: user.uid, ...confinementOf(host, folder, walls) }
      const parts = ['confine.py', ...nativeParts]
      feed(child, bundleDescriptor, await runnerBundle(parts, { ...limits, ...inside, walls: confinement }))
      await runner.ready(readyTimeoutMs)
      const [, first] = await processTree(runner.pid)
      runnerPid = first ?? 0
    } catch (error) {
      await session.close()
      throw error
    }
    return session
  }

  return {
    name: 'landlock',
    selfTest: () => nativeSelfTest({ open, ownProcessList: false, tmp: '/tmp' }),
    open,
    async close() {
      await Promise.all([...sessions].map((session) => session.close()))
    },
  }
}

function startWarden(settings: LandlockSettings, folder: SessionFolder): ChildProcess {
  return spawn(settings.pythonPath, pythonStart, {
    env: pythonEnvironment(folder.tmp),
    cwd: '/',
    // A group of its own: Ctrl-C on the terminal must reach the server only, which drains first.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  })
}

function confinementOf(python: HostPython, folder: SessionFolder, walls: LandlockWalls): object {
  const { arch } = process
  if (!isArchitecture(arch)) throw new Error(`there is no system call filter for ${arch}`)
  return {
    readable: [...systemFolders, ...rootFolders, ...systemSettings, ...python.extra],
    hidden: hiddenFolders,
    writable: [folder.data, folder.tmp],
    landlock: walls.landlock,
    // Without a network namespace a Unix socket could be one of the host's, so only connected pairs are left.
    filter: walls.seccomp ? seccompFilter(arch, 'pairs').toString('base64') : '',
  }
}
