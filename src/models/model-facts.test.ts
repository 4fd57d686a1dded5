import { expect, test } from 'vitest'
import { contextWindow, needsNewLimitField } from './model-facts.ts'

test.for([
  'o1',
  'o3-mini',
  'o4-mini-2025-04-16',
  'gpt-5',
  'gpt-5-mini',
  'openai/gpt-5.1',
  'ft:o4-mini:org::id',
])('%s needs max_completion_tokens', (model) => expect(needsNewLimitField(model)).toBe(true))

test.for(['gpt-4o', 'gpt-5-chat-latest', 'gpt-oss-20b', 'llama3', 'olmo', 'openai/gpt-4.1', 'gpt-4o1'])(
  '%s takes either limit',
  (model) => expect(needsNewLimitField(model)).toBe(false),
)

test.for([
  ['gpt-4', 8_192],
  ['gpt-4-0613', 8_192],
  ['gpt-4-turbo', 128_000],
  ['gpt-4o-mini', 128_000],
  ['gpt-4.1-nano', 1_047_576],
  ['gpt-3.5-turbo-0125', 16_385],
  ['ft:gpt-3.5-turbo:org::id', 16_385],
  ['openai/gpt-5-chat', 128_000],
  ['gpt-5-mini', 400_000],
  ['something-else', 128_000],
] as const)('%s holds %i tokens', ([model, window]) => expect(contextWindow(model)).toBe(window))
