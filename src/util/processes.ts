/** Processes of this machine: whether they run, and their end. */
import type { ChildProcess } from 'node:child_process'
import { codeOf } from './error-code.ts'

/** Whether a process with this id exists, also one of another user. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** Kills the process and resolves once it has ended. */
export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  // Until then the child keeps this process running.
  child.ref()
  child.kill('SIGKILL')
  await exited
}
