import { expect, test } from 'vitest'
import { readUsage } from './answer.ts'

test('token counts that no answer can have are ignored', () => {
  expect(readUsage({ prompt_tokens: 7, completion_tokens: 2 })).toMatchObject({ prompt_tokens: 7 })
  for (const wrong of [Number.MAX_SAFE_INTEGER, 2 ** 31, -1, 0.5, '7', null]) {
    expect(readUsage({ prompt_tokens: 7, completion_tokens: wrong })).toBeUndefined()
  }
  const details = { prompt_tokens_details: { cached_tokens: 2 ** 40 } }
  expect(readUsage({ prompt_tokens: 7, completion_tokens: 2, ...details })?.cached_tokens).toBe(0)
})
