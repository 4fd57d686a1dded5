/** Kills a server with a sandbox session at work, and looks at what outlives it. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { processesWith } from './sandbox-escapes.ts'

/**
 * The processes with the mark in their command line that are still there when everything should be gone. A cell of
 * the native tiers starts one; in the others a word of the runner's own command line must serve.
 */
export async function killServer(
  driver: string,
  folder: string,
  mark = `orphan-${randomUUID()}`,
): Promise<number[]> {
  const script = join(import.meta.dirname, '../sandbox/killed-server.ts')
  const server = spawn(process.execPath, ['--import', 'tsx', script, driver, folder, mark], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise((resolve) => server.once('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => chunk.toString().includes('up') && resolve())
    server.once('exit', () => reject(new Error('the server ended before it was killed')))
  })
  // The mark is on the server's own command line as well.
  expect(processesWith(mark).length).toBeGreaterThan(1)
  server.kill('SIGKILL')
  await exited
  await vi.waitFor(() => expect(processesWith(mark)).toEqual([]), { timeout: 10_000 }).catch(() => {})
  const left = processesWith(mark)
  for (const pid of left) process.kill(pid, 'SIGKILL')
  return left
}
