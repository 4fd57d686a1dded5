import { expect, test } from 'vitest'
import { FieldReader, wholeField } from './json-field.ts'

function readInPieces(json: string, size: number): string[] {
  const reader = new FieldReader('code')
  const pieces = Array.from({ length: Math.ceil(json.length / size) }, (_, index) =>
    json.slice(index * size, (index + 1) * size),
  )
  return pieces.map((piece) => reader.read(piece))
}

test.each([1, 2, 3, 7, 1000])('in pieces of %i the text comes out whole, never half an escape', (size) => {
  const code = 'a\n\u00e9 "b" \\ \ud83d\ude00\tend'
  const json = JSON.stringify({ other: 1, code, last: 'x' }).replace('\ud83d\ude00', '\\ud83d\\ude00')
  const read = readInPieces(json, size)
  expect(read.join('')).toBe(code)
  for (const piece of read) expect(piece.isWellFormed()).toBe(true)
})

test('bare code is taken for what it is', () => {
  expect(readInPieces('print(1)', 3).join('')).toBe('print(1)')
  expect(wholeField('print(1)', 'code')).toBe('print(1)')
})

test('an object without the field has no text', () => {
  expect(wholeField('{"other":1}', 'code')).toBe('')
  expect(readInPieces('{"other":1}', 2).join('')).toBe('')
})

test('line ends that the model forgot to escape are read all the same', () => {
  expect(readInPieces('{"code": "a\nb"}', 4).join('')).toBe('a\nb')
})
