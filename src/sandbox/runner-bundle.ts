/**
 * The runner's Python code. A session gets it over a descriptor and not by its path, because the session's user often
 * cannot read the folder in which the server is installed.
 */
import { readFile } from 'node:fs/promises'
import type { SandboxLimits } from './port.ts'

interface RunnerSettings extends SandboxLimits {
  /** The folder that cells work in. */
  folder: string
  /** True where `kill(-1)` reaches only what the session started. */
  ownProcessList: boolean
  /** Modules to import before the first cell. */
  preload: string[]
}

/** Descriptor number of the bundle in the new process. */
export const bundleDescriptor = 3

/** The arguments of Python: a program that reads the bundle to its end and runs the parts in one namespace. */
export const pythonStart = [
  '-I',
  '-B',
  '-c',
  `import json,os;b=json.load(os.fdopen(${bundleDescriptor}));g={"__name__":"runner","SETTINGS":b["settings"]};` +
    '[exec(compile(p,"<runner>","exec"),g) for p in b["parts"]]',
]

export const nativeParts = ['notebook.py', 'cell.py', 'native.py']

export async function runnerBundle(
  parts: string[],
  settings: RunnerSettings & { confinement?: object },
): Promise<string> {
  return JSON.stringify({ parts: await Promise.all(parts.map(runnerFile)), settings })
}

/** The text of a file in the runner folder, which the build copies next to the compiled code. */
export async function runnerFile(name: string): Promise<string> {
  return readFile(new URL(`./runner/${name}`, import.meta.url), 'utf8')
}
