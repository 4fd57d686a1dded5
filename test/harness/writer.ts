/** Runs `test/crash/database-writer.ts` in its own process and reads the lines that it prints. */
import { spawn, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'

const program = resolve(import.meta.dirname, '../crash/database-writer.ts')

export interface Writer {
  child: ChildProcess
  pid: number
  /** The lines that it printed so far. */
  lines: string[]
  /** The ids whose commit was acknowledged. */
  wrote(): string[]
  /** Waits for a line that begins with these words, and returns it; lines before `from` do not count. */
  printed(words: string, from?: number): Promise<string>
  /** Resolves when it has ended and all its lines were read. */
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
    // Its own process group, as a shell gives it to a command.
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
    printed: async (words, from = 0) => {
      const find = () => lines.slice(from).find((line) => line.startsWith(words))
      await expect.poll(() => find() ?? lines.slice(-5)).toContain(words)
      return find() ?? ''
    },
    ended,
  }
}
