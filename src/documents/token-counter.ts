/** Counts tokens as the live API does for chunking: o200k_base. */

/** Loads about 2 MB of tables; call it where chunks are cut, not at start. */
export async function loadTokenCounter(): Promise<(text: string) => number> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base')
  // A text may hold `<|endoftext|>`; without this it throws.
  const options = { disallowedSpecial: new Set<string>() }
  return (text) => countTokens(text, options)
}
