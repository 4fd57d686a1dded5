/** What the execution of runs needs; the worker creates it once. */
import type { Context } from '../domain/context.ts'
import type { LoadedImage } from '../domain/files.ts'
import type { Models } from '../models/open.ts'
import type { WorkWriter } from './work-writer.ts'
import type { Tools } from '../tools/registry.ts'

export interface Engine {
  context: Context
  models: Models
  tools: Tools
  /** Records the work of runs for their traces. */
  workWriter: WorkWriter
  /** An image file as a data URL. */
  loadImage: (wanted: { project: string; file_id: string; maxBytes: number }) => Promise<LoadedImage>
  /** Resolves while this process is known to hold its leases; throws the signal's reason when that ends. */
  confirmed: (signal: AbortSignal) => Promise<void>
}

/** A run with more turns than this is assumed to repeat itself, and fails. */
export const maxTurns = 50
