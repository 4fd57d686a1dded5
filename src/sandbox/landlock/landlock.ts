/**
 * The landlock driver, for a root server in a container that allows no namespaces: the host's Python under a user
 * id of its own for each session, behind Landlock and a system call filter. The runner sets these up itself.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { type NativeSettings, nativeDriver } from '../native/driver.ts'
import {
  hiddenFolders,
  type HostPython,
  pythonEnvironment,
  rootFolders,
  systemFolders,
  systemSettings,
} from '../native/host-python.ts'
import { isArchitecture, seccompFilter } from '../native/seccomp.ts'
import type { SandboxDriver } from '../port.ts'
import { endBelow, processTree } from '../process-tree.ts'
import { bundleDescriptor, nativeParts, pythonStart, runnerBundle } from '../runner-bundle.ts'
import { feed } from '../runner-process.ts'
import type { SessionFolder } from '../session-folder.ts'

/** The protections that the driver sets up; tests weaken one of them to prove that the self-test notices. */
export interface LandlockProtections {
  landlock: boolean
  seccomp: boolean
}

const allProtections: LandlockProtections = { landlock: true, seccomp: true }

/** The supervisor reads this descriptor; it closes when the session or the server has ended. */
const lifelineDescriptor = 4

export function landlockDriver(
  settings: NativeSettings,
  protections: LandlockProtections = allProtections,
): SandboxDriver {
  return nativeDriver({
    name: 'landlock',
    settings,
    ownProcessList: false,
    memoryFolders: [],
    check() {
      if (process.platform !== 'linux') throw new Error('Landlock is a part of Linux')
      if (process.getuid?.() !== 0)
        throw new Error('only a root server can give each session a user id of its own')
    },
    spawn: ({ folder }) => startSupervisor(settings.pythonPath, folder),
    kill: (child) => void child.stdio[lifelineDescriptor]?.destroy(),
    async feed(child, { python, folder, limits, user }) {
      const inside = { folder: folder.data, ownProcessList: false, preload: settings.preload }
      const confinement = { uid: user?.uid, ...confinementOf(python, folder, protections) }
      const parts = ['confine.py', ...nativeParts]
      feed(child, bundleDescriptor, await runnerBundle(parts, { ...limits, ...inside, confinement }))
    },
    sweep: endBelow,
    async runnerPid(rootPid) {
      const [, first] = await processTree(rootPid)
      return first ?? 0
    },
  })
}

function startSupervisor(pythonPath: string, folder: SessionFolder): ChildProcess {
  return spawn(pythonPath, pythonStart, {
    env: pythonEnvironment(folder.tmp),
    cwd: '/',
    // A separate process group: Ctrl-C in the terminal must reach the server only, which drains first.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  })
}

function confinementOf(python: HostPython, folder: SessionFolder, protections: LandlockProtections): object {
  const { arch } = process
  if (!isArchitecture(arch)) throw new Error(`there is no system call filter for ${arch}`)
  return {
    readable: [...systemFolders, ...rootFolders, ...systemSettings, ...python.extra],
    hidden: hiddenFolders,
    writable: [folder.data, folder.tmp],
    landlock: protections.landlock,
    // Without a network namespace a Unix socket could reach one of the host's, so only connected pairs are allowed.
    filter: protections.seccomp ? seccompFilter(arch, 'pairs').toString('base64') : '',
  }
}
