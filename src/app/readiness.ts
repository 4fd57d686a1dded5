/** What GET /readyz answers: the state of each part that requests need, without paths and addresses. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import type { Readiness } from '../api/health.ts'
import type { Database } from '../database/database.ts'
import { isReadOnly } from '../database/errors.ts'
import type { OpenedDatabase } from '../database/open.ts'
import type { Models } from '../models/open.ts'
import { checkWritable } from '../sql/leases.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { atMost } from '../util/abort.ts'
import { freeBytes } from '../util/folder.ts'

export interface ReadinessParts {
  database: OpenedDatabase
  models: Models
  sandbox: Sandbox
  /** Aborts when the process begins to stop. */
  draining: AbortSignal
  /** Folders that are written. */
  folders: readonly string[]
  minFreeDiskBytes: number
}

/** After this time a probe gets the database's latest known state, because many balancers wait a second only. */
const answerMs = 500
/** A statement that has no answer for this long shows that the database is down. One that only is slow still serves. */
const silenceMs = 5_000

export function readinessOf(parts: ReadinessParts): () => Promise<Readiness> {
  const { database, models, sandbox } = parts
  const databaseState = pinger(database.db)
  return async () => {
    const [status, disk] = await Promise.all([databaseState(), diskState(parts)])
    return {
      ready: status === 'up' && disk === 'ok' && !parts.draining.aborted,
      database: { status, embedded: database.embedded },
      disk: { status: disk },
      // A provider that is down does not make the server unready: threads and files work without it.
      model: { demo: models.isDemo, providers: models.health() },
      sandbox: sandbox.describe(),
    }
  }
}

type DatabaseState = 'up' | 'down' | 'read_only'

/** One statement at a time, however often it is called: a silent database must not use up the pool. */
function pinger(db: Database): () => Promise<DatabaseState> {
  // The server has read its tables when it opened.
  let latest: DatabaseState = 'up'
  let running: Promise<DatabaseState> | undefined
  let sentMs = 0
  const ask = async () => {
    sentMs = performance.now()
    latest = await checkWritable(db).then(
      () => 'up' as const,
      (error: unknown) => (isReadOnly(error) ? 'read_only' : 'down'),
    )
    running = undefined
    return latest
  }
  return async () => {
    running ??= ask()
    const answer = await atMost(answerMs, running)
    return answer ?? (performance.now() - sentMs < silenceMs ? latest : 'down')
  }
}

async function diskState({
  folders,
  minFreeDiskBytes,
}: ReadinessParts): Promise<'ok' | 'full' | 'not_writable'> {
  try {
    for (const folder of folders) {
      await access(folder, constants.W_OK)
      if (minFreeDiskBytes > 0 && (await freeBytes(folder)) < minFreeDiskBytes) return 'full'
    }
    return 'ok'
  } catch {
    return 'not_writable'
  }
}
