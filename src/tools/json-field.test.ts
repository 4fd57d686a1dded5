import { expect, test } from 'vitest'
import { partialField, wholeField } from './json-field.ts'

test('the text comes out as it is written, never half an escape', () => {
  const json = '{"code": "a\\n\\u00e9 \\"b\\" \\ud83d\\ude00"}'
  const seen = Array.from(
    { length: json.length + 1 },
    (_, end) => partialField(json.slice(0, end), 'code') ?? '',
  )
  for (const [index, text] of seen.entries()) expect(text.startsWith(seen[index - 1] ?? '')).toBe(true)
  expect(seen.at(-1)).toBe('a\né "b" 😀')
})

test('bare code is taken for what it is', () => {
  expect(partialField('print(1)', 'code')).toBe('print(1)')
  expect(wholeField('print(1)', 'code')).toBe('print(1)')
})

test('an object without the field has no text', () => {
  expect(wholeField('{"other":1}', 'code')).toBe('')
  expect(partialField('{"other":1}', 'code')).toBeUndefined()
})
