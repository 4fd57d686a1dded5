/** Limits, abilities and prices of models by their names, from one data file; see decision 0022. */
import { patternTable, readTable } from './patterns.ts'
import type { ModelFacts } from './settings.ts'

export type { ModelFacts }

const facts = readFacts()
const findFacts = patternTable(facts)

/** The first line names the facts. A field is a JSON value, or empty where the fact is not known. */
function readFacts(): [string, ModelFacts][] {
  const [[, ...names] = [], ...rows] = readTable('model-facts')
  return rows.map(([model = '', ...fields]) => {
    const known = names.flatMap((name, index) =>
      fields[index] ? [[name, JSON.parse(fields[index]) as unknown]] : [],
    )
    return [model, Object.fromEntries(known) as ModelFacts]
  })
}

/** The context window of an unknown model. A prompt that is too long for the real one fails with the provider's error. */
export const unknownWindow = 128_000

/** Takes the model's name out of `openai/gpt-4o`, `models/gemini-2.5-pro` and `ft:gpt-4o:org::id`. */
function familyName(model: string): string {
  const name = model.startsWith('ft:') ? (model.split(':')[1] ?? '') : model
  return name.slice(name.lastIndexOf('/') + 1).toLowerCase()
}

/** Empty for a model that the data file does not have. A name with a date has the facts of the name without it. */
export function knownFacts(model: string): ModelFacts {
  const name = familyName(model)
  const undated = name.replace(/-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4})$/, '')
  const found = findFacts(name)
  if (found?.pattern === name) return found.value
  return (findFacts(undated) ?? found)?.value ?? {}
}

/** The models of the data file. */
export function knownNames(): string[] {
  return facts.map(([name]) => name).filter((name) => !name.includes('*'))
}

/** OpenAI's reasoning models accept `max_completion_tokens` only. */
export function needsNewLimitField(model: string): boolean {
  const name = familyName(model)
  return /^(o[1-9]|gpt-[5-9])/.test(name) && !name.startsWith('gpt-5-chat')
}

/** Vector length and token limit of OpenAI's embedding models; `mayShorten`: the model accepts `dimensions`. */
export function embeddingFacts(
  model: string,
): { dimensions: number; windowTokens: number; mayShorten: boolean } | undefined {
  const name = familyName(model)
  if (name === 'text-embedding-3-small') return { dimensions: 1536, windowTokens: 8191, mayShorten: true }
  if (name === 'text-embedding-3-large') return { dimensions: 3072, windowTokens: 8191, mayShorten: true }
  if (name === 'text-embedding-ada-002') return { dimensions: 1536, windowTokens: 8191, mayShorten: false }
  return undefined
}
