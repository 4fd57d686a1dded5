import { describe, expect, test, vi } from 'vitest'
import { BuiltinEmbedder } from '../../src/embedders/builtin/builtin-embedder.ts'
import { cosine, embedderContract } from './embedder.ts'

embedderContract('built in', async () => new BuiltinEmbedder({ threads: 1, idleMs: 60_000 }))

const never = new AbortController().signal

describe('the built-in embedder', () => {
  test('a text has the tokens of the original tokenizer', () => {
    const embedder = new BuiltinEmbedder()
    expect(embedder.countTokens('The heron waits in shallow water.')).toBe(10)
    expect(embedder.countTokens('Über 漢字 naïve 😀😀 x')).toBe(11)
    expect(embedder.countTokens('')).toBe(0)
  })

  test('the same text has the same vector, bit for bit, in every thread', async () => {
    const embedder = new BuiltinEmbedder({ threads: 2, idleMs: 60_000 })
    try {
      const texts = Array.from({ length: 6 }, () => 'Turbines turn wind into power.')
      const [first, ...others] = await embedder.embed(texts, 'passage', never)
      for (const other of others) expect(other).toEqual(first)
    } finally {
      await embedder.close()
    }
  })

  test('a window of the maximum length is read to its last word', async () => {
    const embedder = new BuiltinEmbedder({ threads: 1, idleMs: 60_000 })
    try {
      let text = 'Stones lie in the sun.'
      while (embedder.countTokens(`${text} Stones lie in the sun.`) < embedder.windowTokens - 8) {
        text += ' Stones lie in the sun.'
      }
      const [without, with_] = await embedder.embed([text, `${text} Whales sing opera.`], 'passage', never)
      expect(cosine(without, with_)).toBeLessThan(0.9999)
    } finally {
      await embedder.close()
    }
  })

  test('a query is embedded before waiting passages', async () => {
    const embedder = new BuiltinEmbedder({ threads: 1, idleMs: 60_000 })
    try {
      const order: string[] = []
      const passages = embedder
        .embed(
          Array.from({ length: 30 }, (_, at) => `passage ${at} `.repeat(30)),
          'passage',
          never,
        )
        .then(() => order.push('passages'))
      const query = embedder.embed(['a query'], 'query', never).then(() => order.push('query'))
      await Promise.all([passages, query])
      expect(order).toEqual(['query', 'passages'])
    } finally {
      await embedder.close()
    }
  })

  test('closing the embedder rejects the calls in progress', async () => {
    const embedder = new BuiltinEmbedder({ threads: 1, idleMs: 60_000 })
    const running = embedder.embed(['one', 'two'], 'passage', never).catch((error: unknown) => error)
    await embedder.close()
    expect(await running).toMatchObject({ code: 'server_error' })
    await expect(embedder.embed(['three'], 'query', never)).rejects.toMatchObject({ code: 'server_error' })
  })

  test('idle threads end, and are started again when texts arrive', async () => {
    const embedder = new BuiltinEmbedder({ threads: 1, idleMs: 1 })
    try {
      const [first] = await embedder.embed(['sleep'], 'query', never)
      await vi.waitFor(() => expect(embedder.threads).toBe(0))
      expect((await embedder.embed(['sleep'], 'query', never))[0]).toEqual(first)
    } finally {
      await embedder.close()
    }
  })
})
