/** What is known of well-known models by their names: token limit, context window, width of embeddings. */

/** `openai/gpt-4o`, `models/gemini-2.5-pro` and `ft:gpt-4o:org::id` are known by the name inside. */
function familyName(model: string): string {
  const name = model.startsWith('ft:') ? (model.split(':')[1] ?? '') : model
  return name.slice(name.lastIndexOf('/') + 1).toLowerCase()
}

/** OpenAI's reasoning models know `max_completion_tokens` only. */
export function needsNewLimitField(model: string): boolean {
  const name = familyName(model)
  return /^(o[1-9]|gpt-5)/.test(name) && !name.startsWith('gpt-5-chat')
}

/** First match wins. */
const contextWindows: [RegExp, number][] = [
  [/^gpt-3\.5-turbo-instruct/, 4_096],
  [/^gpt-3\.5/, 16_385],
  [/^gpt-4-32k/, 32_768],
  [/^gpt-4(-0314|-0613)?$/, 8_192],
  [/^gpt-4\.1/, 1_047_576],
  [/^(gpt-4|chatgpt-4o|gpt-5-chat|o1-mini|o1-preview)/, 128_000],
  [/^gpt-5/, 400_000],
  [/^o[1-9]/, 200_000],
  [/^gpt-oss/, 131_072],
  [/^claude/, 200_000],
  [/^gemini/, 1_048_576],
  [/^(llama-?3\.[1-3]|llama-?4|qwen-?3|mistral-(large|medium|small)|deepseek)/, 131_072],
]

/** For a model that is not in the table: too long a prompt then fails with the provider's own words. */
const unknownWindow = 128_000

/** Tokens that a prompt and its answer may hold together. */
export function contextWindow(model: string): number {
  const name = familyName(model)
  return contextWindows.find(([family]) => family.test(name))?.[1] ?? unknownWindow
}

/** Width and reach of OpenAI's embedding models; `mayShorten` are those that know `dimensions`. */
export function embeddingFacts(
  model: string,
): { dimensions: number; windowTokens: number; mayShorten: boolean } | undefined {
  const name = familyName(model)
  if (name === 'text-embedding-3-small') return { dimensions: 1536, windowTokens: 8191, mayShorten: true }
  if (name === 'text-embedding-3-large') return { dimensions: 3072, windowTokens: 8191, mayShorten: true }
  if (name === 'text-embedding-ada-002') return { dimensions: 1536, windowTokens: 8191, mayShorten: false }
  return undefined
}
