/** Runs `test/crash/database-writer.ts` as a process of its own and listens to what it says. */
import { spawn, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'

const program = resolve(import.meta.dirname, '../crash/database-writer.ts')

export interface Writer {
  child: ChildProcess
  pid: number
  /** Everything it said so far, one line each. */
  lines: string[]
  /** The ids that it saw committed. */
  wrote(): string[]
  /** Waits for a line that begins with these words, and returns it; lines before `from` do not count. */
  said(words: string, from?: number): Promise<string>
  /** Resolves once it has ended and every line it said was read. */
  ended: Promise<void>
}

export interface WriterOptions {
  dataDir: string
  migrations: string
  uid?: number
  /** A command that runs the rest of its arguments. */
  prefix?: string[]
}

export function startWriter({ dataDir, migrations, uid, prefix = [] }: WriterOptions): Writer {
  const [command, ...args] = [...prefix, process.execPath, '--import', 'tsx', program, dataDir, migrations]
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own, as a shell gives to what it starts.
    detached: true,
    uid,
    gid: uid,
  })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  return {
    child,
    pid: child.pid ?? 0,
    lines,
    wrote: () => lines.filter((line) => line.startsWith('wrote ')).map((line) => line.slice('wrote '.length)),
    said: async (words, from = 0) => {
      const find = () => lines.slice(from).find((line) => line.startsWith(words))
      await expect.poll(() => find() ?? lines.slice(-5), { timeout: 40_000 }).toContain(words)
      return find() ?? ''
    },
    ended,
  }
}
