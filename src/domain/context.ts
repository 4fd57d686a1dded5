/** What the functions of this directory work with; app.ts makes it once. Each function picks what it needs. */
import type { Handoff } from '../runs/handoff.ts'
import type { Hints } from '../runs/hints.ts'
import type { RunLog } from '../runs/run-log.ts'
import type { BlobStore } from '../blobs/port.ts'
import type { Retrieval } from '../search/retrieval.ts'
import type { Database } from '../database/database.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'

export interface Context {
  db: Database
  /** File contents; rows in the database say what they are. */
  blobs: BlobStore
  /** How files are read into vector stores, and found there. */
  retrieval: Retrieval
  clock: Clock
  hints: Hints
  runLog: RunLog
  handoff: Handoff
  log: Log
  /** How long a run may take from its creation to its end. */
  runExpiresSeconds: number
  /** How long the log of an ended run is kept; 0: as long as its thread. */
  runLogDays: number
  /** How many days the trace keeps what runs did; 0: it keeps nothing. */
  traceDays: number
  /** Which provider and model a name leads to, as `provider/model`. */
  modelBehind: (name: string) => string | undefined
}
