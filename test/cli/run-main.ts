/** Runs `src/main.ts` to its end, for starts that answer or fail. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'

const main = resolve(import.meta.dirname, '../../src/main.ts')

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Only these variables are set, besides those that any process needs. */
export async function runMain(args: string[], environment: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await ended) as [number | null]
  return { code, stdout, stderr }
}
