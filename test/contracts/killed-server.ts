/** Kills a server with sandbox sessions at work and at rest, and looks at what outlives it. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'

/** The processes of sessions below `folder` that are still there when everything should be gone; it ends them. */
export async function killServer(driver: string, folder: string): Promise<number[]> {
  const script = join(import.meta.dirname, '../sandbox/killed-server.ts')
  const server = spawn(process.execPath, ['--import', 'tsx', script, driver, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise((resolve) => server.once('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => chunk.toString().includes('up') && resolve())
    server.once('exit', () => reject(new Error('the server ended before it was killed')))
  })
  // The server itself names the folder too, and there are two sessions.
  expect(processesNaming(folder).length).toBeGreaterThan(2)
  server.kill('SIGKILL')
  await exited
  await vi.waitFor(() => expect(processesNaming(folder)).toEqual([]), { timeout: 10_000 }).catch(() => {})
  const left = processesNaming(folder)
  for (const pid of left) process.kill(pid, 'SIGKILL')
  return left
}

/** Processes with the folder in their command line, environment or mounts. */
function processesNaming(folder: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const names = (pid: string) =>
    ['cmdline', 'environ', 'mountinfo'].some((file) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(folder)
      } catch {
        return false
      }
    })
  return pids.filter(names).map(Number)
}
