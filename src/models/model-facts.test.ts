import { expect, test } from 'vitest'
import { knownFacts, needsNewLimitField } from './model-facts.ts'

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
  ['gpt-5-mini', 272_000],
  ['claude-opus-5-20260724', 1_000_000],
  ['claude-of-tomorrow', 200_000],
  ['models/gemini-2.5-pro', 1_048_576],
  ['something-else', undefined],
] as const)('%s holds %s tokens', ([model, window]) => expect(knownFacts(model).context_window).toBe(window))

test('facts name limits, abilities and prices in dollars for a million tokens', () => {
  expect(knownFacts('gpt-4o')).toMatchObject({
    output_tokens: 16_384,
    vision: true,
    tools: true,
    json_schema: true,
    input_price: 2.5,
    output_price: 10,
  })
  expect(knownFacts('gpt-3.5-turbo')).toMatchObject({ vision: false, tools: true })
  expect(knownFacts('llama3.1:8b').vision).toBeUndefined()
})
