import { expect, test } from 'vitest'
import type { MessageContentPart } from '../api/messages.ts'
import type { Mark } from '../sql/run-steps.ts'
import { deltaOf } from './content.ts'

test.for([
  ['', 0],
  ['Cake ', 5],
  ['Ärger 🍰', 7],
  ['🍰👩‍🍳 ', 5],
] as const)('a mark after “%s” starts at the code point %i', ([value, start_index]) => {
  const mark: Mark = { text: '【4:0†🍰.txt】', type: 'file_citation', file_id: 'file-a' }
  const content: MessageContentPart[] =
    value === '' ? [] : [{ type: 'text', text: { value, annotations: [] } }]
  expect(deltaOf(content, { type: 'text', text: mark.text, mark })).toMatchObject({
    text: { annotations: [{ start_index, end_index: start_index + 11 }] },
  })
})
