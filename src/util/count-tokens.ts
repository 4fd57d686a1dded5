/** Counts tokens in o200k_base, the encoding of OpenAI's newer models and of chunk sizes in the live API. */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'

/** The tokenizer is quadratic in the length of a word or of a run of white space, so they are cut at this length. */
const runs = /\S{256}|\s{256}/g
/** The length that is counted exactly, in characters. The count of the rest is estimated from this part. */
const exactLength = 400_000
/** Characters that are counted in one turn of the event loop, in at most about 30 ms. */
const sliceLength = 16_384

/**
 * Loads the tokenizer, which takes 0.1 to 0.8 s and 125 MB of memory. It is loaded when tokens are first counted.
 * The time of a count is linear in the length of the text. Runs of more than 256 characters without a change
 * between words and white space count a few tokens too many.
 */
export async function loadTokenCounter(): Promise<(text: string) => number> {
  const { countTokens: count, setMergeCacheSize } = await import('gpt-tokenizer/encoding/o200k_base')
  // A full cache makes each word take milliseconds, and the cache saves little time before.
  setMergeCacheSize(0)
  // A text may contain `<|endoftext|>`; without this option the counter throws.
  const options = { disallowedSpecial: new Set<string>() }
  return (text) => {
    let tokens = 0
    let start = 0
    for (const { index, 0: run } of text.matchAll(runs)) {
      tokens += count(text.slice(start, index + run.length), options)
      start = index + run.length
    }
    return tokens + count(text.slice(start), options)
  }
}

/** Tokens of a text; other encodings give similar numbers. A long text does not block the event loop. */
export async function countTokens(text: string): Promise<number> {
  if (text === '') return 0
  const count = await loadTokenCounter()
  const length = Math.min(text.length, exactLength)
  let tokens = 0
  for (let start = 0; start < length;) {
    const end = sliceEnd(text, start, length)
    tokens += count(text.slice(start, end))
    if (end < length) await nextTurnOfLoop()
    start = end
  }
  return Math.round((tokens / length) * text.length)
}

/** Cuts before a space where there is one, as the tokenizer does. */
function sliceEnd(text: string, start: number, length: number): number {
  const end = start + sliceLength
  if (end >= length) return length
  const space = text.lastIndexOf(' ', end)
  return space > start + sliceLength / 2 ? space : end
}

/** For models whose tokenizer is not here: more than any usual tokenizer makes of a text. */
export function guessTokens(text: string): number {
  let ascii = 0
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) < 128) ascii += 1
  return Math.ceil(ascii / 3 + (text.length - ascii))
}
