/** Ends child processes. */
import type { ChildProcess } from 'node:child_process'

/** Kills the process and resolves once it has ended. */
export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  // Until then the child keeps this process running.
  child.ref()
  child.kill('SIGKILL')
  await exited
}
