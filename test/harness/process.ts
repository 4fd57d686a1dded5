/** A server in its own process, as `npm start` runs it, for tests that kill it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import OpenAI from 'openai'
import { builtMain, nodeArgs } from './built.ts'

export interface ServerProcess {
  url: string
  openai: OpenAI
  pid: number
  /** Everything printed so far. */
  output: () => string
  isOver: () => boolean
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>
}

export async function startProcess(
  dataDir: string,
  environment: Record<string, string> = {},
  /** Another copy of the code. */
  entry = builtMain,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, nodeArgs(entry), {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      SPOOL_DATA_DIR: dataDir,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  const collect = (chunk: Buffer) => (printed += chunk.toString())
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const url = await announced(child, () => printed)
  return {
    url,
    openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'test-key', maxRetries: 0 }),
    pid: child.pid ?? 0,
    output: () => printed,
    isOver: () => child.exitCode !== null || child.signalCode !== null,
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await once(child, 'exit')
    },
  }
}

/** Resolves when the banner is out. */
async function announced(child: ChildProcess, printed: () => string): Promise<string> {
  for (;;) {
    const [, url] = /answers at (\S+)\/v1/.exec(printed()) ?? []
    if (/answers at|works on runs/.test(printed())) return url ?? ''
    if (child.exitCode !== null) throw new Error(`the server ended at once: ${printed()}`)
    await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')])
  }
}
