/** Counts what the bytes of a file look like, so that its encoding can be decided without keeping the file in memory. */

/** A declaration of the encoding is looked for in so many bytes. */
const headLength = 256 * 1024
/** So many bytes are enough for detection. */
const sampleLength = 64 * 1024
/** Share of control characters from which a file is not text. */
const mostControls = 0.02
/** Share of zero bytes that Latin text in UTF-16 has at least. */
const leastZeros = 0.15

export class TextSurvey {
  /** Complete multi-byte sequences of UTF-8. */
  wellFormed = 0
  /** Bytes at which no sequence of UTF-8 can be read. A sequence that the end of the file cuts off is not counted. */
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
  /** Bytes above 127 with no other one beside them, and those in runs. */
  #single = 0
  #clustered = 0
  #run = 0
  /** Bytes that the sequence under way still needs, and the bounds of the next one. */
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

  /** UTF-16 with a byte order mark, or known by its zero bytes: ASCII characters have one in every second byte. */
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

  /** Japanese mail encoding: plain bytes with escape sequences. */
  get isIso2022Jp(): boolean {
    const head = this.#escapes > 0 ? this.head.toString('latin1') : ''
    return head.includes('\u001b$B') || head.includes('\u001b$@')
  }

  get isLatinScript(): boolean {
    const clustered = this.#clustered + (this.#run > 1 ? this.#run : 0)
    return this.#single + (this.#run === 1 ? 1 : 0) > clustered
  }

  /** Bytes from the first line with a byte above 127, cut where no character is cut in two. */
  sample(): Uint8Array {
    const sample = Buffer.concat(this.#sample)
    if (sample.length < sampleLength) return sample
    let end = sampleLength
    // No byte below 0x30 is the second half of a character in any of the encodings.
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
