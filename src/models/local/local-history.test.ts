import { expect, test } from 'vitest'
import { toHistory } from './local-history.ts'
import type { ChatMessage } from '../port.ts'

const call = (id: string, name: string, text: string) => ({
  id,
  type: 'function' as const,
  function: { name, arguments: text },
})

test('calls and their outputs are inside the answer that the model continues', () => {
  const messages: ChatMessage[] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Go' },
    { role: 'assistant', content: 'Well.', tool_calls: [call('1', 'f', '{"x":1}'), call('2', 'g', '')] },
    { role: 'tool', tool_call_id: '2', content: 'G' },
    { role: 'tool', tool_call_id: '1', content: 'F' },
    { role: 'system', content: 'Be kind.' },
  ]
  expect(toHistory(messages, 'Call now.')).toEqual([
    { type: 'system', text: 'Call now.\n\nBe brief.\n\nBe kind.' },
    { type: 'user', text: 'Go' },
    {
      type: 'model',
      response: [
        'Well.',
        { type: 'functionCall', name: 'f', params: { x: 1 }, result: 'F', startsNewChunk: true },
        { type: 'functionCall', name: 'g', params: {}, result: 'G', startsNewChunk: false },
      ],
    },
  ])
})

test('a conversation that ends with a question gets an empty answer at its end', () => {
  expect(toHistory([{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }])).toEqual([
    { type: 'user', text: 'Hi' },
    { type: 'model', response: [] },
  ])
})
