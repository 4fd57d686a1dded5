/**
 * The dependencies of the functions in this directory; `app/app.ts` creates it once. A function names the members that it
 * uses. The creation of runs, the worker and the routes use nearly all of them.
 */
import type { Slots } from '../runs/slots.ts'
import type { Hints } from '../runs/hints.ts'
import type { RunLog } from '../runs/run-log.ts'
import type { BlobStore } from '../blobs/port.ts'
import type { Retrieval } from '../search/retrieval.ts'
import type { Database } from '../database/database.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { AssistantCache } from './assistant-cache.ts'
import type { RunLimits } from './run-limits.ts'

export interface Context {
  db: Database
  /** File contents; rows in the database say what they are. */
  blobs: BlobStore
  /** What search and ingest use. */
  retrieval: Retrieval
  clock: Clock
  hints: Hints
  runLog: RunLog
  slots: Slots
  runLimits: RunLimits
  assistants: AssistantCache
  log: Log
  /** How long a run may take from its creation to its end. */
  runExpiresSeconds: number
  /** How many days the log of an ended run is kept; 0: as long as its thread. */
  runLogDays: number
  /** How many days the work of runs is kept for traces; 0: it is not recorded. */
  traceDays: number
  /** Resolves a model name to `provider/model`. */
  modelBehind: (name: string) => string | undefined
}
