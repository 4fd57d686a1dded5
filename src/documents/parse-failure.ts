/** The reason why a file could not be read or chunked: the `last_error` of a vector store file. */

export type ParseFailureCode = 'unsupported_file' | 'invalid_file' | 'server_error'

/** `message` is shown to the user; `cause` is for the log. */
export class ParseFailure extends Error {
  readonly code: ParseFailureCode
  constructor(code: ParseFailureCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'ParseFailure'
    this.code = code
  }
}

function invalid(reason: string, cause?: unknown): ParseFailure {
  return new ParseFailure('invalid_file', `The file could not be parsed because ${reason}.`, { cause })
}

/** All reasons for which reading a file fails. */
export const parseFailures = {
  unsupported: () => new ParseFailure('unsupported_file', 'The file type is not supported.'),
  notImported: () => new ParseFailure('invalid_file', 'The content of the file was not imported.'),
  empty: () => invalid('it is empty'),
  tooLarge: () => invalid('it is too large'),
  tooSlow: () => invalid('it takes too long to read'),
  tooDeep: () => invalid('its elements are nested too deeply'),
  encrypted: () => invalid('it is encrypted with a password'),
  noTextLayer: () => invalid('its pages have no text layer (scanned pages must go through OCR first)'),
  unknownEncoding: () => invalid('its character encoding is not known; save it as UTF-8'),
  unreadable: () => invalid('most of its text could not be decoded'),
  damaged: (cause?: unknown) => invalid('it is damaged or not of the type that its name says', cause),
  internal: (cause?: unknown) => new ParseFailure('server_error', 'An internal error occurred.', { cause }),
}
