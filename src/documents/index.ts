/**
 * From a file to chunks of text. `formatOf` says whether a file can be read, `ParseProcesses` reads it in a child
 * process, `readChunks` reads the result, and `TermPacker` and `queryTerms` find the words that searches compare.
 */
export { readChunks, type StoredChunk } from './chunk-file.ts'
export { defaultChunkSizes, type ChunkSizes } from './chunk.ts'
export { decodeBytes, encodingOfFile, wideEncodingOf } from './extract/decode-text.ts'
export { readDocument, type OcrJob } from './ocr.ts'
export { ParseFailure, parseFailures } from './parse-failure.ts'
export { readSections } from './sections.ts'
export { defaultParseLimits, ParseProcesses, type OcrSettings } from './parse-processes.ts'
export { extensionOf, formatOf } from './supported-extensions.ts'
export { Languages, plainLanguage } from './languages.ts'
export {
  eachTerm,
  hashTerm,
  isCurrent,
  packCounts,
  packedLanguage,
  queryTerms,
  TermPacker,
  termsOf,
  termsVersion,
  withHeader,
} from './terms.ts'
