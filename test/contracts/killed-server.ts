/** Kills a server with a busy and an idle sandbox session, and waits until their processes have ended. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

/** Fails when processes of sessions below `folder` outlive their server, and ends them. */
export async function expectNoProcessAfterKill(driver: string, folder: string): Promise<void> {
  const script = join(import.meta.dirname, '../sandbox/killed-server.ts')
  const server = spawn(process.execPath, ['--import', 'tsx', script, driver, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise((resolve) => server.once('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => chunk.toString().includes('up') && resolve())
    server.once('exit', () => reject(new Error('the server ended before it was killed')))
  })
  // The command line of the server names the folder too, and there are two sessions.
  expect(processesNaming(folder).length).toBeGreaterThan(2)
  server.kill('SIGKILL')
  await exited
  try {
    await expect.poll(() => processesNaming(folder)).toEqual([])
  } finally {
    for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
  }
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
