/** A small process that stops the database after this server has ended, also after `kill -9`. */
import { spawn } from 'node:child_process'

/**
 * It waits for the end of a pipe that only this process holds open; the kernel closes it when this process ends in any
 * way. It compares the pid file first, because the pid may belong to another process by then.
 */
const script = 'read -r _; read -r pid < "$2" && [ "$pid" = "$1" ] && kill -INT "$1"'

/** Returns a function that ends the guard. Windows has no shell for it: there the next start stops the database. */
export function guard(pid: number, pidFile: string): () => void {
  if (process.platform === 'win32') return () => undefined
  const child = spawn('sh', ['-c', script, 'spool-database-guard', String(pid), pidFile], {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    cwd: '/',
    // Its own process group: a signal to the server's group must not end it first.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without a guard the next start in the folder stops the database.
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  return () => child.kill('SIGKILL')
}
