/** The bubblewrap driver: the host's Python in its own namespaces, which contain nothing of the host but system libraries. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type NativeSettings, nativeDriver } from '../native/driver.ts'
import {
  hiddenFolders,
  type HostPython,
  pythonEnvironment,
  rootFolders,
  rootLink,
  systemFolders,
  systemSettings,
} from '../native/host-python.ts'
import { isArchitecture, seccompFilter } from '../native/seccomp.ts'
import type { SandboxDriver, SandboxLimits } from '../port.ts'
import { bundleDescriptor, nativeParts, pythonStart, runnerBundle } from '../runner-bundle.ts'
import { feed } from '../runner-process.ts'

export interface BwrapSettings extends NativeSettings {
  /** The bubblewrap program. */
  bwrapPath: string
}

/** The protections that the driver sets up; tests weaken one of them to prove that the self-test notices. */
export interface BwrapProtections {
  seccomp: boolean
  /** The environment of bubblewrap itself, which cells can read at /proc/1/environ. */
  environment: NodeJS.ProcessEnv
  network: boolean
}

const allProtections: BwrapProtections = { seccomp: true, environment: {}, network: false }

const seccompDescriptor = 4
const argumentsDescriptor = 5

export function bwrapDriver(
  settings: BwrapSettings,
  protections: BwrapProtections = allProtections,
): SandboxDriver {
  return nativeDriver({
    name: 'bwrap',
    settings,
    ownProcessList: true,
    memoryFolders: ['/tmp', '/dev/shm'],
    check: () => {},
    spawn: ({ user }) =>
      spawn(settings.bwrapPath, ['--args', `${argumentsDescriptor}`, settings.pythonPath, ...pythonStart], {
        env: protections.environment,
        cwd: '/',
        // A separate process group: Ctrl-C in the terminal must reach the server only, which drains first.
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
        // Under root's own id the process limit would not hold and a suid bit on a file would have an effect.
        ...(user && { uid: user.uid, gid: user.gid }),
      }),
    kill: (child) => void child.kill('SIGKILL'),
    async feed(child, { python, folder, limits }) {
      // Bubblewrap reads its arguments before it starts anything.
      const options = await bwrapOptions(python, folder.data, { limits, protections })
      feed(child, argumentsDescriptor, options.join('\0') + '\0')
      if (protections.seccomp) feed(child, seccompDescriptor, filter())
      const inside = { folder: '/mnt/data', ownProcessList: true, preload: settings.preload }
      feed(child, bundleDescriptor, await runnerBundle(nativeParts, { ...limits, ...inside }))
    },
    // The runner itself ends what is left: kill(-1) reaches only its own process list.
    sweep: async () => true,
    runnerPid: async () => 0,
  })
}

function filter(): Buffer {
  if (!isArchitecture(process.arch)) throw new Error(`there is no system call filter for ${process.arch}`)
  return seccompFilter(process.arch, 'unix')
}

/** The arguments of bubblewrap. They are passed over a descriptor, since cells can read the command line. */
async function bwrapOptions(
  python: HostPython,
  data: string,
  { limits, protections }: { limits: SandboxLimits; protections: BwrapProtections },
): Promise<string[]> {
  const tmpBytes = `${limits.tmpMb * 1024 * 1024}`
  const options = ['--unshare-all', '--unshare-user', '--disable-userns', '--uid', '1000', '--gid', '1000']
  if (protections.network) options.push('--share-net')
  options.push(
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    '--hostname',
    'sandbox',
    '--clearenv',
  )
  if (protections.seccomp) options.push('--seccomp', `${seccompDescriptor}`)
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
  // The root that bubblewrap builds is a tmpfs; writable, it could fill half of the machine's memory.
  options.push('--remount-ro', '/dev', '--remount-ro', '/', '--chdir', '/mnt/data')
  for (const [name, value] of Object.entries(pythonEnvironment('/tmp'))) options.push('--setenv', name, value)
  return options
}
