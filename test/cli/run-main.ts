/** Runs the command line until the process ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { builtMain, nodeArgs } from '../harness/built.ts'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Sets these variables only, besides those that any process needs. `entry` is another copy of the code. */
export async function runMain(
  args: string[],
  environment: Record<string, string> = {},
  entry = builtMain,
): Promise<Ended> {
  return startMain(args, environment, entry).ended
}

/** The process while it runs, for tests that kill it. */
export function startMain(
  args: string[],
  environment: Record<string, string> = {},
  entry = builtMain,
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [...nodeArgs(entry), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  const ended = async () => {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    const [code] = (await exit) as [number | null]
    return { code, stdout, stderr }
  }
  return { child, ended: ended() }
}
