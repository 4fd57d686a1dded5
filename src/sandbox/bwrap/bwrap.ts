/** The bubblewrap driver: the host's Python in namespaces of its own, with nothing of the host but system libraries. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  findHostPython,
  type HostPython,
  pythonEnvironment,
  rootFolders,
  rootLink,
} from '../native/host-python.ts'
import { hiddenFolders, systemFolders, systemSettings } from '../native/host-python.ts'
import { nativeSession } from '../native/session.ts'
import type { SandboxDriver, SandboxLimits, SandboxSession } from '../port.ts'
import { bundleDescriptor, nativeParts, pythonStart, runnerBundle } from '../runner-bundle.ts'
import { feed, runnerProcess } from '../runner-process.ts'
import { isArchitecture, seccompFilter } from '../native/seccomp.ts'
import { nativeSelfTest } from '../native/self-test.ts'
import { sessionFolder } from '../session-folder.ts'
import { type SessionUser, takeSessionUser } from '../session-user.ts'

export interface BwrapSettings {
  /** Where session folders are made; must be reachable for an unprivileged user when the server is root. */
  folder: string
  pythonPath: string
  /** The bubblewrap program. */
  bwrapPath: string
  preload: string[]
}

/** What the launcher decides; tests weaken one of them to prove that the self-test notices. */
export interface BwrapWalls {
  seccomp: boolean
  /** The environment of bubblewrap itself, which cells can read at /proc/1/environ. */
  environment: NodeJS.ProcessEnv
  network: boolean
}

const allWalls: BwrapWalls = { seccomp: true, environment: {}, network: false }

const seccompDescriptor = 4
const argumentsDescriptor = 5
const readyTimeoutMs = 10_000

export function bwrapDriver(settings: BwrapSettings, walls: BwrapWalls = allWalls): SandboxDriver {
  const sessions = new Set<SandboxSession>()
  let python: Promise<HostPython> | undefined

  async function open(limits: SandboxLimits): Promise<SandboxSession> {
    python ??= findHostPython(settings.pythonPath)
    const host = await python
    const user = process.getuid?.() === 0 ? await takeSessionUser() : undefined
    const folder = await sessionFolder(join(settings.folder, randomUUID()), user)
    const child = startBwrap(settings, user, walls)
    const runner = runnerProcess(child)
    const session = nativeSession({
      runner,
      folder,
      limits,
      sweep: async () => {},
      release: async () => {
        sessions.delete(session)
        await user?.release()
      },
    })
    sessions.add(session)
    try {
      const options = await bwrapOptions(host, folder.data, { limits, walls })
      feed(child, argumentsDescriptor, options.join('\0') + '\0')
      if (walls.seccomp) feed(child, seccompDescriptor, filter())
      const inside = { folder: '/mnt/data', ownProcessList: true, preload: settings.preload }
      feed(child, bundleDescriptor, await runnerBundle(nativeParts, { ...limits, ...inside }))
      await runner.ready(readyTimeoutMs)
    } catch (error) {
      await session.close()
      throw error
    }
    return session
  }

  return {
    name: 'bwrap',
    selfTest: () => nativeSelfTest({ open, ownProcessList: true, tmp: '/tmp' }),
    open,
    async close() {
      await Promise.all([...sessions].map((session) => session.close()))
    },
  }
}

function startBwrap(settings: BwrapSettings, user: SessionUser | undefined, walls: BwrapWalls): ChildProcess {
  return spawn(
    settings.bwrapPath,
    ['--args', `${argumentsDescriptor}`, settings.pythonPath, ...pythonStart],
    {
      env: walls.environment,
      cwd: '/',
      // A group of its own: Ctrl-C on the terminal must reach the server only, which drains first.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      // Under root's own id the process limit would not hold and a suid bit on a file would mean something.
      ...(user && { uid: user.uid, gid: user.gid }),
    },
  )
}

function filter(): Buffer {
  if (!isArchitecture(process.arch)) throw new Error(`there is no system call filter for ${process.arch}`)
  return seccompFilter(process.arch, 'unix')
}

/** Everything bubblewrap is told, over a descriptor: its command line can be read from inside. */
async function bwrapOptions(
  python: HostPython,
  data: string,
  { limits, walls }: { limits: SandboxLimits; walls: BwrapWalls },
): Promise<string[]> {
  const tmpBytes = `${limits.tmpMb * 1024 * 1024}`
  const options = ['--unshare-all', '--unshare-user', '--disable-userns', '--uid', '1000', '--gid', '1000']
  if (walls.network) options.push('--share-net')
  options.push(
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    '--hostname',
    'sandbox',
    '--clearenv',
  )
  if (walls.seccomp) options.push('--seccomp', `${seccompDescriptor}`)
  for (const place of [...systemFolders, ...systemSettings, ...python.extra]) {
    options.push('--ro-bind-try', place, place)
  }
  for (const folder of rootFolders) {
    const target = await rootLink(folder)
    options.push(
      ...(target === undefined ? ['--ro-bind-try', folder, folder] : ['--symlink', target, folder]),
    )
  }
  for (const folder of hiddenFolders) {
    if (existsSync(folder)) options.push('--tmpfs', folder, '--remount-ro', folder)
  }
  options.push('--proc', '/proc', '--dev', '/dev', '--size', tmpBytes, '--tmpfs', '/dev/shm')
  options.push('--size', tmpBytes, '--tmpfs', '/tmp', '--bind', data, '/mnt/data')
  // What bubblewrap builds is memory that can be written to, up to half of the machine's.
  options.push('--remount-ro', '/dev', '--remount-ro', '/', '--chdir', '/mnt/data')
  for (const [name, value] of Object.entries(pythonEnvironment('/tmp'))) options.push('--setenv', name, value)
  return options
}
