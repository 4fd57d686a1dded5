/** What the work on runs needs; the worker makes it once. */
import type { Context } from '../domain/context.ts'
import type { LoadedImage } from '../domain/files.ts'
import type { Models } from '../models/open.ts'
import type { WorkLog } from '../runs/work-log.ts'
import type { Tools } from '../tools/registry.ts'

export interface Engine {
  context: Context
  models: Models
  tools: Tools
  /** What runs do, for their traces. */
  workLog: WorkLog
  /** An image file as a data URL. */
  loadImage: (wanted: { project: string; file_id: string; maxBytes: number }) => Promise<LoadedImage>
  /** Resolves while this process is known to hold its leases; throws the signal's reason when that ends. */
  confirmed: (signal: AbortSignal) => Promise<void>
}

/** A run that turns longer than this goes in circles. */
export const maxTurns = 50
