/** Which processes the kernel ends when the machine runs out of memory. */
import { writeFile } from 'node:fs/promises'

/**
 * Makes the kernel end this process, and every process that it starts later, before any other: before the server
 * and its database. A cell cannot undo it when a root server did it.
 */
export async function endFirstWhenMemoryIsShort(pid: number): Promise<void> {
  // There is no such file on other systems, or when the process has just ended.
  await writeFile(`/proc/${pid}/oom_score_adj`, '1000').catch(() => {})
}
