/** Data folders of tests, with short paths. No process stays in a folder that is removed. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isRunning } from '../../src/util/processes.ts'

export interface DataDir {
  path: string
  /** Kills a database that still runs there, then removes the folder. */
  remove(): Promise<void>
}

const prefix = 'spool-test-'

/** A new folder for a test that starts servers. */
export function makeDataDir(): DataDir {
  const path = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
  return { path, remove: () => removeDataDir(path) }
}

/** Removes the folders of test runs that were killed. */
export async function removeAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) await removeDataDir(join(tmpdir(), name))
  }
}

async function removeDataDir(path: string): Promise<void> {
  const pid = databasePid(path)
  if (pid !== undefined && isRunning(pid)) {
    process.kill(pid, 'SIGQUIT')
    while (isRunning(pid)) await wait(20)
  }
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}

/** The main process of the database in this data folder, if one runs or was killed there. */
export function databasePid(dataDir: string): number | undefined {
  try {
    const text = readFileSync(join(dataDir, 'database/cluster/postmaster.pid'), 'utf8')
    return Number(text.split('\n')[0]) || undefined
  } catch {
    return undefined
  }
}
