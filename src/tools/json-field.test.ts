import { expect, onTestFinished, test, vi } from 'vitest'
import { FieldReader } from './json-field.ts'

function readInPieces(json: string, size: number): string[] {
  const reader = new FieldReader(['code', 'input'])
  const pieces = Array.from({ length: Math.ceil(json.length / size) }, (_, index) =>
    json.slice(index * size, (index + 1) * size),
  )
  return pieces.map((piece) => reader.read(piece))
}

const sizes = [1, 2, 3, 7, 1000]

test.each(sizes)('a text that is read in pieces of %i characters is complete', (size) => {
  const code = 'a\n\u00e9 "b" \\ \ud83d\ude00\tend'
  const json = JSON.stringify({ other: 1, code, last: 'x' }).replace('\ud83d\ude00', '\\ud83d\\ude00')
  const read = readInPieces(json, size)
  expect(read.join('')).toBe(code)
  for (const piece of read) expect(piece.isWellFormed()).toBe(true)
})

test.each([
  ['bare text', 'print(1)', 'print(1)'],
  ['bare text with a docstring first', '"""doc"""\nx', '"""doc"""\nx'],
  ['a JSON string', '"print(1)\\n"', 'print(1)\n'],
  ['an object without the field', '{"other":1}', ''],
  ['line ends that are not escaped', '{"code": "a\nb"}', 'a\nb'],
  ['backslashes that are not escaped', '{"code": "\\d+ \\s"}', '\\d+ \\s'],
  ['the field behind nested values', '{"a":{"code":"no","b":["}",1]},"n":null,"code":"yes"}', 'yes'],
  ['the name as a value', '{"name":"code","code":"yes"}', 'yes'],
  ['an empty field before another name', '{"code":"","input":"yes"}', 'yes'],
  ['two fields', '{"input":"first","code":"second"}', 'first'],
  ['a field that is no text', '{"code":5}', ''],
  ['an object that is not closed', '{"code":"yes"', 'yes'],
])('%s', (_what, json, text) => {
  for (const size of sizes) expect(readInPieces(json, size).join('')).toBe(text)
})

test.each([
  ['{"code": "print("hi")"}', 'invalid'],
  ["{'code': 'x'}", 'invalid'],
  ['"a" + "b"', 'invalid'],
  ['{"code": "print(', 'unfinished'],
  ['{"code": "yes"', undefined],
])('%s is %s', (json, problem) => {
  const reader = new FieldReader(['code'])
  reader.read(json)
  expect(reader.problem()).toBe(problem)
})

test.each([
  ['without the field', '{"other": "'],
  ['with an endless key', '{"'],
  ['with nested values', '{"a": ['],
])('each of 60,000 pieces %s is read once', (_what, begin) => {
  const looked = vi.spyOn(String.prototype, 'charAt')
  onTestFinished(() => looked.mockRestore())
  const reader = new FieldReader(['code'])
  reader.read(begin)
  for (let piece = 0; piece < 60_000; piece += 1) reader.read('12345')
  expect(looked).toHaveBeenCalledTimes(begin.length + 300_000)
})
