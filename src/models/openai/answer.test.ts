import { expect, test } from 'vitest'
import { OpenAiAnswer, readUsage } from './answer.ts'

test('token counts that no answer can have are ignored', () => {
  expect(readUsage({ prompt_tokens: 7, completion_tokens: 2 })).toMatchObject({ prompt_tokens: 7 })
  for (const wrong of [Number.MAX_SAFE_INTEGER, 2 ** 31, -1, 0.5, '7', null]) {
    expect(readUsage({ prompt_tokens: 7, completion_tokens: wrong })).toBeUndefined()
  }
  const details = { prompt_tokens_details: { cached_tokens: 2 ** 40 } }
  expect(readUsage({ prompt_tokens: 7, completion_tokens: 2, ...details })?.cached_tokens).toBe(0)
})

const much = 'a'.repeat(1_000_000)
test.for([
  ['arguments of a call without a name', () => ({ index: 0, id: 'c', function: { arguments: much } })],
  ['ids of calls', (turn: number) => ({ index: turn, id: `${turn}${much}`, function: { name: 'f' } })],
  ['indices of calls', (turn: number) => ({ index: `${turn}${much}`, function: { name: 'f' } })],
  ['extra content of a call', (turn: number) => ({ index: 0, id: 'c', extra_content: { [turn]: much } })],
] as [string, (turn: number) => object][])(
  '%s without end are a failure, and do not fill the memory',
  ([, call]) => {
    const answer = new OpenAiAnswer((text) => text)
    const take = () => {
      for (let turn = 0; turn < 40; turn += 1) {
        answer.takeChunk({ choices: [{ index: 0, delta: { tool_calls: [call(turn)] } }] }, [])
      }
    }
    expect(take).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ message: 'an answer without end' }) }),
    )
  },
)
