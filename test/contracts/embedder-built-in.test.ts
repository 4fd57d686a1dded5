import { expect, test } from 'vitest'
import { BuiltInEmbedder } from '../../src/embedders/built-in/built-in-embedder.ts'
import { cosine, embedderContract } from './embedder.ts'

embedderContract('built in', async () => new BuiltInEmbedder())

const never = new AbortController().signal

test('of the built-in embedder, other words for the same things are nearer than other things', async () => {
  const embedder = new BuiltInEmbedder()
  const pairs = [
    ['The physician wrote a prescription.', 'The doctor ordered medicine.', 'The ship left the harbour.'],
    ['Our car would not start.', 'The automobile engine failed.', 'She baked bread with honey.'],
    ['Stocks fell sharply on Monday.', 'Shares lost value at the market.', 'The river froze in winter.'],
  ]
  for (const texts of pairs) {
    const [text, near, far] = await embedder.embed(texts, 'passage', never)
    expect(cosine(text, near)).toBeGreaterThan(cosine(text, far))
  }
})

test('the built-in embedder gives text of another script the vector of zeros', async () => {
  const embedder = new BuiltInEmbedder()
  const [russian] = await embedder.embed(['Где находится клапан'], 'query', never)
  expect(new Set(russian)).toEqual(new Set([0]))
})
