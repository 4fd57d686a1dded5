/** Reads the records of a file in batches. */
import { recognise } from './formats/recognise.ts'
import { readValues, tooLarge, undecoded, usualDocumentBytes } from './read-values.ts'
import type { Recognised } from './records.ts'
import type { SourceFile } from './sources.ts'

export interface LocatedRecords {
  line: number
  /** Undefined for a value of no known format; `damaged` for one that is not JSON; `undecoded` once for a file. */
  found: Recognised | undefined | 'damaged' | 'too large' | 'undecoded'
}

export interface ReadingOptions {
  signal: AbortSignal
  /** The maximum size of a JSON document; a larger one is skipped. */
  maxDocumentBytes?: number | undefined
}

/** Undefined for a file without values. Throws the signal's reason. */
export async function readRecords(
  file: SourceFile,
  { signal, maxDocumentBytes = usualDocumentBytes }: ReadingOptions,
): Promise<AsyncIterable<LocatedRecords[]> | undefined> {
  const values = await readValues(file, maxDocumentBytes)
  return values && recogniseAll(values, file, signal)
}

async function* recogniseAll(
  batches: NonNullable<Awaited<ReturnType<typeof readValues>>>,
  file: SourceFile,
  signal: AbortSignal,
): AsyncGenerator<LocatedRecords[]> {
  const { name, modified_at } = file
  for await (const batch of batches) {
    signal.throwIfAborted()
    yield batch.flatMap(({ value, line }): LocatedRecords[] => {
      if (value === undecoded) return [{ line, found: 'undecoded' }]
      if (value === tooLarge) return [{ line, found: 'too large' }]
      if (value === undefined) return [{ line, found: 'damaged' }]
      return recognise(value, { file: name, line, modified_at }).map((found) => ({ line, found }))
    })
  }
}
