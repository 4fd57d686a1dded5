/** Collects statistics about the bytes of a file, to decide its encoding without keeping the file in memory. */

/** How many bytes are searched for a declaration of the encoding. */
const headLength = 256 * 1024
/** How many bytes are used for detection. */
const sampleLength = 64 * 1024
/** From this share of control characters on, a file is not text. */
const mostControls = 0.02
/** The minimum share of zero bytes in Latin text in UTF-16. */
const leastZeros = 0.15

export class TextSurvey {
  /** Complete multi-byte sequences of UTF-8. */
  wellFormed = 0
  /** Bytes that begin no valid sequence of UTF-8. A sequence that the end of the file cuts is not counted. */
  illFormed = 0
  /** Bytes above 127. */
  high = 0
  #head: Buffer[] = []
  #headBytes = 0
  #sample: Buffer[] = []
  #sampleBytes = 0
  #bytes = 0
  #zeros: [even: number, odd: number] = [0, 0]
  #controls = 0
  #escapes = 0
  /** How many bytes above 127 have no such neighbour, and how many have one. */
  #single = 0
  #clustered = 0
  #run = 0
  /** How many bytes the unfinished sequence still needs, and the bounds of the next byte. */
  #needed = 0
  #low = 0x80
  #top = 0xbf

  add(bytes: Buffer): void {
    if (this.#headBytes < headLength) {
      this.#head.push(bytes.subarray(0, headLength - this.#headBytes))
      this.#headBytes += bytes.length
    }
    const highBefore = this.high
    for (const byte of bytes) {
      this.#look(byte)
      this.#bytes += 1
    }
    if (this.high > highBefore) this.#keep(bytes, highBefore === 0)
  }

  get head(): Buffer {
    return Buffer.concat(this.#head)
  }

  /** The kind of UTF-16, by its byte order mark or its zero bytes: an ASCII character has one zero byte. */
  wideEncoding(): string | undefined {
    const [first, second] = this.head
    if (first === 0xff && second === 0xfe) return 'utf-16le'
    if (first === 0xfe && second === 0xff) return 'utf-16be'
    const [even, odd] = this.#zeros
    const least = (this.#bytes / 2) * leastZeros
    if (odd > least && even < odd / 10) return 'utf-16le'
    if (even > least && odd < even / 10) return 'utf-16be'
    return undefined
  }

  isBinary(): boolean {
    return this.#zeros[0] + this.#zeros[1] > 0 || this.#controls > this.#bytes * mostControls
  }

  /** The encoding of Japanese mail: ASCII bytes with escape sequences. */
  get isIso2022Jp(): boolean {
    const head = this.#escapes > 0 ? this.head.toString('latin1') : ''
    return head.includes('\u001b$B') || head.includes('\u001b$@')
  }

  get isLatinScript(): boolean {
    const clustered = this.#clustered + (this.#run > 1 ? this.#run : 0)
    return this.#single + (this.#run === 1 ? 1 : 0) > clustered
  }

  /** The bytes from the first line with a byte above 127 on, cut at the end of a character. */
  sample(): Uint8Array {
    const sample = Buffer.concat(this.#sample)
    if (sample.length < sampleLength) return sample
    let end = sampleLength
    // In all these encodings, a byte below 0x30 is never the second byte of a character.
    while (end > 0 && (sample[end - 1] ?? 0) >= 0x30) end -= 1
    return sample.subarray(0, end === 0 ? sampleLength : end)
  }

  #keep(bytes: Buffer, isFirst: boolean): void {
    if (this.#sampleBytes >= sampleLength) return
    const first = isFirst ? bytes.findIndex((byte) => byte > 0x7f) : 0
    const from = isFirst ? bytes.lastIndexOf(0x0a, first) + 1 : 0
    const kept = bytes.subarray(from, from + sampleLength)
    this.#sample.push(kept)
    this.#sampleBytes += kept.length
  }

  #look(byte: number): void {
    if (byte > 0x7f) {
      this.high += 1
      this.#run += 1
    } else {
      if (this.#run === 1) this.#single += 1
      else this.#clustered += this.#run
      this.#run = 0
      if (byte < 0x20) this.#control(byte)
    }
    if (this.#needed > 0) {
      if (byte >= this.#low && byte <= this.#top) {
        this.#needed -= 1
        this.#low = 0x80
        this.#top = 0xbf
        if (this.#needed === 0) this.wellFormed += 1
        return
      }
      this.illFormed += 1
      this.#needed = 0
    }
    if (byte > 0x7f) this.#begin(byte)
  }

  #control(byte: number): void {
    if (byte === 0) this.#zeros[this.#bytes % 2 === 0 ? 0 : 1] += 1
    else if (byte === 0x1b) this.#escapes += 1
    else if (byte < 0x08 || byte > 0x0d) this.#controls += 1
  }

  /** The first byte of a sequence. The bounds exclude overlong forms, surrogates and values above U+10FFFF. */
  #begin(byte: number): void {
    this.#low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80
    this.#top = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf
    if (byte >= 0xc2 && byte <= 0xdf) this.#needed = 1
    else if (byte >= 0xe0 && byte <= 0xef) this.#needed = 2
    else if (byte >= 0xf0 && byte <= 0xf4) this.#needed = 3
    else this.illFormed += 1
  }
}
