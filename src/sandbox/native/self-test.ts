/** The self-test of a driver: canaries are placed on the host, and a session tries to reach them. */
import { randomUUID } from 'node:crypto'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'
import { pythonEnvironment } from './host-python.ts'
import type { SandboxDriver, SandboxLimits, SandboxSession } from '../port.ts'
import { runnerFile } from '../runner-bundle.ts'
import { deniedSyscalls, isArchitecture } from './seccomp.ts'
import { messageOf } from '../../util/describe-error.ts'
import { makeTemporaryFolder } from '../../util/folder.ts'

export type SelfTest = Awaited<ReturnType<SandboxDriver['selfTest']>>

/** Libraries that a model may expect; the self-test reports which of them are installed. */
export const wantedLibraries = [
  'numpy',
  'pandas',
  'matplotlib',
  'scipy',
  'sklearn',
  'seaborn',
  'sympy',
  'statsmodels',
  'PIL',
  'openpyxl',
  'docx',
  'pptx',
  'pypdf',
  'lxml',
  'bs4',
  'yaml',
]

/**
 * Small limits, because the probe reaches the process limit on purpose. The caller of the self-test limits its time.
 */
const probeLimits: SandboxLimits = {
  wallMs: 600_000,
  graceMs: 500,
  memoryMb: 512,
  processes: 16,
  fileMb: 16,
  diskMb: 32,
  tmpMb: 16,
  outputBytes: 65_536,
  images: 1,
  files: 1,
  filesMb: 1,
}

export interface Canaries {
  mark: string
  folder: string
  file: string
  port: number
  abstract: string
  /** The number of connections that the sockets have received. */
  reached: () => number
  remove: () => Promise<void>
}

const answerSchema = z.object({
  sum: z.number(),
  escaped: z.array(z.string()),
  libraries: z.array(z.string()),
})

/**
 * Places a readable file, a loopback port and an abstract socket that a cell can reach unless the sandbox prevents it.
 */
export async function placeCanaries(): Promise<Canaries> {
  const folder = await makeTemporaryFolder('spool-canary-')
  await chmod(folder, 0o755)
  const file = join(folder, 'canary')
  await writeFile(file, 'canary')
  // Whatever the umask is.
  await chmod(file, 0o644)
  let reached = 0
  const count = () => {
    reached += 1
  }
  const abstract = `spool-canary-${randomUUID()}`
  const tcp = await listening({ port: 0, host: '127.0.0.1' }, count)
  const unix = process.platform === 'linux' ? await listening({ path: `\0${abstract}` }, count) : undefined
  const address = tcp.address()
  return {
    mark: `probe ${randomUUID()} `,
    folder,
    file,
    port: typeof address === 'object' && address ? address.port : 0,
    abstract,
    reached: () => reached,
    async remove() {
      tcp.close()
      unix?.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function listening(where: object, onConnection: () => void): Promise<Server> {
  const server = createServer((socket) => {
    onConnection()
    socket.destroy()
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(where, resolve))
  return server
}

export interface NativeSubject {
  open: (limits: SandboxLimits) => Promise<SandboxSession>
  /** True where the driver has its own process list. */
  ownProcessList: boolean
  tmp: string
}

/** The self-test of the drivers that run the host's Python. Never rejects. */
export async function nativeSelfTest(subject: NativeSubject): Promise<SelfTest> {
  return probe(subject.open, async (canaries) => {
    const input = {
      ...canaries,
      files: [canaries.file],
      environment: Object.keys(pythonEnvironment(subject.tmp)),
      processes: probeLimits.processes,
      ownProcessList: subject.ownProcessList,
      pid: process.pid,
      calls: callNumbers(),
      libraries: wantedLibraries,
    }
    const text = JSON.stringify(JSON.stringify(input))
    return [`import json\nCANARIES = json.loads(${text})\n${await runnerFile('probe.py')}`]
  })
}

/** Opens a session, runs the cells for the canaries in it, and evaluates the answer of the last. */
export async function probe(
  open: (limits: SandboxLimits) => Promise<SandboxSession>,
  cells: (canaries: Canaries) => Promise<string[]>,
): Promise<SelfTest> {
  const canaries = await placeCanaries()
  let session: SandboxSession | undefined
  try {
    session = await open(probeLimits)
    let printed = ''
    const collect = (event: { type: string; text?: string }) => {
      printed += event.text ?? ''
    }
    let status = ''
    for (const code of await cells(canaries)) {
      ;({ status } = await session.run(code, collect, new AbortController().signal))
    }
    const answer = printed.split('\n').find((line) => line.startsWith(canaries.mark))
    if (answer === undefined) return refusal(`the probe ended with ${status}: ${printed.slice(-500).trim()}`)
    return judge(answerSchema.parse(JSON.parse(answer.slice(canaries.mark.length))), canaries.reached())
  } catch (error) {
    return refusal(messageOf(error))
  } finally {
    await session?.close().catch(() => {})
    await canaries.remove()
  }
}

function judge(answer: z.infer<typeof answerSchema>, reached: number): SelfTest {
  const { sum, escaped, libraries } = answer
  if (sum !== 2) return refusal('1 + 1 is not 2')
  if (escaped.length > 0) return refusal(`the probe escaped: ${escaped.join(', ')}`)
  if (reached > 0) return refusal('the probe reached a port of the host')
  return { ok: true, libraries }
}

function refusal(why: string): SelfTest {
  return { ok: false, why, libraries: [] }
}

function callNumbers(): Record<string, number> {
  const { arch } = process
  if (!isArchitecture(arch)) return {}
  const numbers = Object.entries(deniedSyscalls).map(([name, known]) => [name, known[arch]] as const)
  return Object.fromEntries(numbers.filter((one): one is readonly [string, number] => one[1] !== undefined))
}
