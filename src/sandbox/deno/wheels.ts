/**
 * The libraries of the deno driver: the server fetches the wheels that Pyodide's lock file names, checks their
 * hashes, and keeps them where sessions can read them. Sessions themselves never have a network.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { describeError } from '../../util/describe-error.ts'

export interface WheelSource {
  /** Ends in a slash; the file names of the lock file are appended. */
  baseUrl: string
  fetch: typeof fetch
  /** Top-level packages to fetch, with all that they depend on. */
  names: string[]
  timeoutMs: number
}

/** Where Pyodide's own wheels are, for the installed version. */
export const pyodideWheelsUrl = (version: string) => `https://cdn.jsdelivr.net/pyodide/v${version}/full/`

/** Fetched by default; the rest of the distribution is some hundred megabytes. */
export const defaultWheels = ['numpy', 'pandas', 'matplotlib']

const maxWheelBytes = 64 * 1024 * 1024

const packageSchema = z.looseObject({
  name: z.string(),
  file_name: z.string().regex(/^[\w.+-]+$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  depends: z.array(z.string()),
  imports: z.array(z.string()),
})

type WheelPackage = z.infer<typeof packageSchema>

const lockSchema = z.looseObject({ packages: z.record(z.string(), packageSchema) })

export interface Wheels {
  /** The modules that can be imported. */
  libraries: string[]
  /** Why a requested library is missing. */
  why?: string
}

/**
 * Makes the packages in `names` importable when they are cached in `folder` or can be fetched. Without a source, uses
 * the cached ones only. Never rejects because of the network.
 */
export async function provideWheels(folder: string, names: string[], source?: WheelSource): Promise<Wheels> {
  const { packages } = lockSchema.parse(JSON.parse(await readFile(join(folder, 'pyodide-lock.json'), 'utf8')))
  const problems: string[] = []
  const usable: WheelPackage[] = []
  for (const name of names) {
    try {
      const needed = closure(packages, name)
      for (const one of needed) await provideWheel(join(folder, 'wheels'), one, source)
      for (const one of needed) usable.push(one)
    } catch (error) {
      problems.push(`${name}: ${describeError(error)}`)
    }
  }
  await writeWheelList(
    folder,
    usable.map(({ name }) => name),
  )
  const libraries = [...new Set(usable.flatMap(({ imports }) => imports))].filter(
    (name) => !name.startsWith('_'),
  )
  return problems.length > 0 ? { libraries, why: problems.join('; ') } : { libraries }
}

/** Writes the lock file of the sessions: it names only the wheels that are present, so that no other is tried. */
export async function writeWheelList(folder: string, names: string[]): Promise<void> {
  const lock = lockSchema.parse(JSON.parse(await readFile(join(folder, 'pyodide-lock.json'), 'utf8')))
  const kept = Object.entries(lock.packages).filter(([, { name }]) => names.includes(name))
  const part = join(folder, `wheels.${randomUUID()}`)
  await writeFile(part, JSON.stringify({ ...lock, packages: Object.fromEntries(kept) }))
  await rename(part, join(folder, 'wheels.json'))
}

/** The package and everything it depends on, each once. */
function closure(packages: Record<string, WheelPackage>, name: string): WheelPackage[] {
  const found = new Map<string, WheelPackage>()
  const open = [name]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue
    const one = packages[next]
    if (one === undefined) throw new Error(`Pyodide has no package ${next}`)
    found.set(next, one)
    for (const other of one.depends) open.push(other)
  }
  return [...found.values()]
}

async function provideWheel(folder: string, wheel: WheelPackage, source?: WheelSource): Promise<void> {
  const path = join(folder, wheel.file_name)
  const cached = await readFile(path).catch(() => undefined)
  if (cached && sha256(cached) === wheel.sha256) return
  if (source === undefined) throw new Error(`${wheel.file_name} is missing, and downloads are not allowed`)
  const bytes = await download(wheel, source)
  if (sha256(bytes) !== wheel.sha256)
    throw new Error(`${wheel.file_name} does not have the hash in the lock file`)
  const part = join(folder, `${randomUUID()}.part`)
  await writeFile(part, bytes, { mode: 0o644 })
  await rename(part, path)
}

async function download(
  { file_name }: WheelPackage,
  { baseUrl, fetch, timeoutMs }: WheelSource,
): Promise<Buffer> {
  const response = await fetch(baseUrl + file_name, { signal: AbortSignal.timeout(timeoutMs) })
  if (!response.ok || !response.body) throw new Error(`${baseUrl}${file_name} answers ${response.status}`)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.length
    if (bytes > maxWheelBytes) throw new Error(`${file_name} is larger than any wheel should be`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
