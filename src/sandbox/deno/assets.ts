/** The folder that Pyodide sessions may read. It holds Pyodide, our runner, a memory snapshot and the wheels. */
import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { writeWheelList } from './wheels.ts'
import { messageOf } from '../../util/describe-error.ts'

export interface DenoProgram {
  /** The binary from the platform package: no install script and no wrapper process is needed. */
  path: string
  version: string
}

/** Code and data; no types, source maps or pages. Deno would read a `package.json` as that of a project. */
const asset = /^(?!package\.json$).*\.(mjs|py|wasm|zip|json)$/

const require = createRequire(import.meta.url)

/** Finds the Deno that npm has installed. Throws an error for the user when there is none for this system. */
export function findDeno(): DenoProgram {
  const platform = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}`
  try {
    const wrapper = require.resolve('deno/package.json')
    const file = createRequire(wrapper).resolve(`@deno/${platform}/package.json`)
    const { version } = require(file) as { version: string }
    return { path: join(dirname(file), process.platform === 'win32' ? 'deno.exe' : 'deno'), version }
  } catch (error) {
    throw new Error(`the optional package deno is not installed for ${platform}: npm install deno`, {
      cause: error,
    })
  }
}

/**
 * The arguments of Deno: it may read its working directory, which must be the folder of the assets, and nothing else.
 * The permission is `.` and not the path, because Deno splits a path at commas and allows each part.
 */
export function denoArguments(memoryMb: number, permission = '--allow-read=.'): string[] {
  // A WebAssembly page is 64 KiB.
  const pages = Math.max(memoryMb, 256) * 16
  return [
    'run',
    '--quiet',
    '--no-remote',
    '--no-npm',
    '--no-prompt',
    '--no-config',
    '--no-lock',
    '--cached-only',
    `--v8-flags=--max-old-space-size=128,--wasm-max-mem-pages=${Math.min(pages, 65_536)}`,
    permission,
  ]
}

/**
 * The whole environment of Deno. Its cache folder is a path below a file, so it cannot exist and cells cannot store
 * anything in it.
 */
export function denoEnvironment(assets: string): Record<string, string> {
  return { DENO_DIR: join(assets, 'pyodide.asm.wasm', 'none'), NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' }
}

export interface Assets {
  folder: string
  /** The reason why there is no snapshot, so that sessions start slowly; undefined when there is one. */
  slow?: string
}

/** Creates the folder, or returns that of an earlier start; its name contains a hash of all its contents. */
export async function denoAssets(home: string, deno: DenoProgram): Promise<Assets> {
  const sources = await assetSources()
  const folder = join(home, `pyodide-${await keyOf(sources, deno.version)}`)
  if (!existsSync(folder)) await copyAssets(sources, folder)
  if (existsSync(join(folder, 'snapshot.bin'))) return { folder }
  try {
    await makeSnapshot(folder, deno)
    return { folder }
  } catch (error) {
    return { folder, slow: messageOf(error) }
  }
}

/** Throws an error for the user when it is not installed. */
export function pyodideVersion(): string {
  const { version } = require(join(pyodideFolder(), 'package.json')) as { version: string }
  return version
}

function pyodideFolder(): string {
  try {
    return dirname(require.resolve('pyodide/package.json'))
  } catch (error) {
    throw new Error('the optional package pyodide is not installed: npm install pyodide', { cause: error })
  }
}

/** What sessions load of Pyodide and of our runner. */
async function assetSources(): Promise<string[]> {
  const folders = [pyodideFolder(), fileURLToPath(new URL('../runner/', import.meta.url))]
  const lists = folders.map(async (folder) => {
    const names = (await readdir(folder)).filter((name) => asset.test(name))
    return names.toSorted().map((name) => join(folder, name))
  })
  return (await Promise.all(lists)).flat()
}

async function keyOf(files: string[], version: string): Promise<string> {
  const hash = createHash('sha256').update(version)
  for (const file of files) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

async function copyAssets(files: string[], folder: string): Promise<void> {
  const part = `${folder}.${randomUUID()}`
  await mkdir(join(part, 'wheels'), { recursive: true, mode: 0o755 })
  for (const file of files) await copyFile(file, join(part, basename(file)))
  await writeWheelList(part, [])
  await moveInto(part, folder)
}

/** When another server of this data folder has created the folder meanwhile, that one is used. */
async function moveInto(part: string, folder: string): Promise<void> {
  try {
    await rename(part, folder)
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

async function makeSnapshot(folder: string, deno: DenoProgram): Promise<void> {
  const part = join(folder, `snapshot.${randomUUID()}`)
  const child = spawn(deno.path, [...denoArguments(512), join(folder, 'deno-snapshot.mjs')], {
    env: denoEnvironment(folder),
    cwd: folder,
    detached: true,
    timeout: 120_000,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(0, 2000)
  })
  const code = new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  )
  try {
    await Promise.all([pipeline(child.stdout, createWriteStream(part)), code])
    if ((await code) !== 0) throw new Error(`no memory snapshot could be created: ${stderr.trim()}`)
    await rename(part, join(folder, 'snapshot.bin'))
  } finally {
    await rm(part, { force: true })
  }
}

/** A copy of the program in the folder, for users who may not run the original. */
export async function copyDeno(folder: string, deno: DenoProgram): Promise<DenoProgram> {
  const path = join(folder, `deno-${deno.version}`)
  if (!existsSync(path)) {
    const part = `${path}.${randomUUID()}`
    await copyFile(deno.path, part)
    await chmod(part, 0o755)
    await rename(part, path)
  }
  return { ...deno, path }
}
