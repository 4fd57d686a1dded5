/** Finds the host's Python and the folders that it reads. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { z } from 'zod'

const question = `
import json, os, sys, sysconfig
paths = sysconfig.get_paths()
library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
print(json.dumps({
    "version": list(sys.version_info[:2]),
    "folders": [sys.prefix, paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]],
    "files": [sys.executable, os.path.realpath(sys.executable), library],
}))
`

const answerSchema = z.object({
  version: z.tuple([z.number(), z.number()]),
  folders: z.array(z.string()),
  files: z.array(z.string()),
})

export interface HostPython {
  path: string
  /** Folders and files of this Python outside the system folders; sessions can read them. */
  extra: string[]
}

/**
 * System folders that a program needs to run. /usr/local and /usr/src are left out, because they may hold private
 * files.
 */
export const systemFolders = ['/usr/bin', '/usr/lib', '/usr/lib32', '/usr/lib64', '/usr/share']

/** Settings of the loader, the fonts and the time zone; none of them is secret. */
export const systemSettings = [
  '/etc/alternatives',
  '/etc/fonts',
  '/etc/ld.so.cache',
  '/etc/localtime',
  '/etc/matplotlibrc',
  '/etc/mime.types',
  '/var/cache/fontconfig',
]

/** Hidden in sessions: globally installed packages of Node.js may include this server with its settings. */
export const hiddenFolders = ['/usr/lib/node_modules', '/usr/share/nodejs']

/** Folders of the root that are links into /usr on most systems. */
export const rootFolders = ['/bin', '/lib', '/lib32', '/lib64']

/** Inspects the Python at `path`. Rejects with an error for the user when there is none or it is older than 3.9. */
export async function findHostPython(path: string): Promise<HostPython> {
  if (!existsSync(path)) throw new Error(`there is no Python at ${path}`)
  const run = promisify(execFile)
  const { stdout } = await run(path, ['-I', '-c', question], { timeout: 120_000, env: {} }).catch(
    (error: Error) => {
      throw new Error(`${path} does not run: ${error.message}`)
    },
  )
  const answer = answerSchema.parse(JSON.parse(stdout))
  const [major, minor] = answer.version
  if (major !== 3 || minor < 9) throw new Error(`${path} is Python ${major}.${minor}; 3.9 or newer is needed`)
  const places = [...answer.folders, ...answer.files].filter((place) => existsSync(place))
  const extra = places.filter((place) => !isSystem(place) && place !== '/usr' && place !== '/usr/local')
  return { path, extra: [...new Set(extra)] }
}

function isSystem(place: string): boolean {
  return [...systemFolders, ...rootFolders].some((folder) => place.startsWith(`${folder}/`))
}

/** The target of a root folder that is a link. */
export async function rootLink(folder: string): Promise<string | undefined> {
  const stats = await lstat(folder).catch(() => undefined)
  return stats?.isSymbolicLink() ? readlink(folder) : undefined
}

/** The whole environment of a sandbox's Python. */
export function pythonEnvironment(tmp: string): Record<string, string> {
  return {
    PATH: '/usr/bin:/bin',
    HOME: tmp,
    TMPDIR: tmp,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    MPLBACKEND: 'agg',
    MPLCONFIGDIR: `${tmp}/matplotlib`,
    // One thread for each session: many sessions on a few cores gain nothing from more, and each thread takes memory.
    OPENBLAS_NUM_THREADS: '1',
    OMP_NUM_THREADS: '1',
  }
}

/**
 * The full path of a system program, or its usual place when it is not installed: starting it then fails with a clear
 * error.
 */
export function findProgram(name: string): string {
  const folders = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin', '/sbin']
  return folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? `/usr/bin/${name}`
}
