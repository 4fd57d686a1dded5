/** Checks the bytes of a JSON body before it is parsed, because parsing millions of values would block the server. */
import { errors } from '../api/errors.ts'
import { maxDepth } from '../api/inspect.ts'

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c

/** Throws an `ApiError` when the body is nested too deep or has more than `maxValues` values. Linear in its length. */
export function scanJson(bytes: Buffer, maxValues: number): void {
  let depth = 0
  let containers = 0
  let commas = 0
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index]
    if (byte === quote) index = endOfString(bytes, index)
    else if (byte === comma) commas += 1
    else if (byte === 0x5b || byte === 0x7b) {
      containers += 1
      depth += 1
      if (depth > maxDepth) throw errors.nestedTooDeep(maxDepth)
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1
    // Each container is a value, and so is what follows each comma.
    if (commas > maxValues || containers > maxValues) throw errors.tooManyValues(maxValues)
  }
}

/** The index of the quote that ends the string, or the length where none does. */
function endOfString(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf(quote, start + 1); end !== -1; end = bytes.indexOf(quote, end + 1)) {
    let backslashes = 0
    while (bytes[end - 1 - backslashes] === backslash) backslashes += 1
    if (backslashes % 2 === 0) return end
  }
  return bytes.length
}
