/** A worker that keeps its lease and works on nothing. */
import type { Database } from '../../src/database/database.ts'
import { Heartbeat } from '../../src/engine/heartbeat.ts'
import { retireWorker } from '../../src/sql/leases.ts'

/** Lives until the returned function is called. */
export async function idleWorker(db: Database, worker: string): Promise<() => Promise<void>> {
  const heartbeat = new Heartbeat({ db, worker, log: () => undefined, onBeat: () => undefined })
  await heartbeat.start()
  return async () => {
    await heartbeat.stop()
    await retireWorker(db, worker)
  }
}
