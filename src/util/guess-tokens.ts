/** Token counts for models whose tokenizer is not here. */

/** More than any usual tokenizer makes of a text. */
export function guessTokens(text: string): number {
  let ascii = 0
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) < 128) ascii += 1
  return Math.ceil(ascii / 3 + (text.length - ascii))
}
