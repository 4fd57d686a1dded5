/** Opens what ingest and search use. This is the only file that names the vector index. */
import { ScanIndex } from './scan-index.ts'
import { defaultParseLimits, Languages, ParseProcesses, type OcrSettings } from '../documents/index.ts'
import type { Retrieval } from './retrieval.ts'
import { WordIndex } from './word-index.ts'

interface RetrievalSettings extends Pick<
  Retrieval,
  'db' | 'blobs' | 'clock' | 'log' | 'embedder' | 'reranker'
> {
  /** For the vectors and words of stores that were searched. */
  memoryBytes: number
  /** The program that reads pictures and scanned pages. */
  ocr?: OcrSettings | undefined
}

/** The words of a chunk take about as much memory as its vectors. */
const vectorShare = 1 / 2

export function openRetrieval({ memoryBytes, ocr, ...parts }: RetrievalSettings): Retrieval {
  const parsers = new ParseProcesses(defaultParseLimits, ocr)
  const languages = new Languages()
  return {
    ...parts,
    vectors: new ScanIndex({ budgetBytes: memoryBytes * vectorShare }),
    words: new WordIndex({ budgetBytes: memoryBytes * (1 - vectorShare), languages }),
    languages,
    parsers,
    close: () => parsers.close(),
  }
}
