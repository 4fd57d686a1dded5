/** The records of a file, batch by batch. */
import { recognise } from './formats/recognise.ts'
import { maxDocumentBytes, readValues } from './read-values.ts'
import type { Recognised } from './records.ts'
import type { SourceFile } from './sources.ts'

export interface LocatedRecords {
  line: number
  /** Undefined for a value of no known format; `damaged` for one that is not JSON. */
  found: Recognised | undefined | 'damaged' | 'too large'
}

/** Undefined for a file that does not look like values at all. Throws the signal's reason. */
export async function readRecords(
  file: SourceFile,
  signal: AbortSignal,
): Promise<AsyncIterable<LocatedRecords[]> | undefined> {
  const values = await readValues(file)
  return values && recogniseAll(values, file, signal)
}

async function* recogniseAll(
  batches: NonNullable<Awaited<ReturnType<typeof readValues>>>,
  file: SourceFile,
  signal: AbortSignal,
): AsyncGenerator<LocatedRecords[]> {
  const { name, modified_at, bytes } = file
  for await (const batch of batches) {
    signal.throwIfAborted()
    yield batch.flatMap(({ value, line }): LocatedRecords[] => {
      if (value === undefined)
        return [{ line, found: bytes > maxDocumentBytes && line === 1 ? 'too large' : 'damaged' }]
      return recognise(value, { file: name, line, modified_at }).map((found) => ({ line, found }))
    })
  }
}
