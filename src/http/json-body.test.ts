import { expect, test } from 'vitest'
import { errors } from '../api/errors.ts'
import { scanJson } from './json-body.ts'

const scan =
  (text: string, maxValues = 100) =>
  () =>
    scanJson(Buffer.from(text), maxValues)
const mebibytes = (text: string) => text.repeat((16 * 1024 * 1024) / text.length)

test.each([
  ['an object', '{"a":[1,2,{"b":null}],"c":"d"}'],
  ['no value at all', ''],
  ['text that looks like nesting', JSON.stringify({ text: '[{,'.repeat(1000) })],
  ['escaped quotes', JSON.stringify({ text: '"[[,,\\"'.repeat(1000) })],
  ['a backslash before the last quote', '{"a":"\\\\","b":"[[["}'],
  ['text in several languages', JSON.stringify({ text: '【「ö」】'.repeat(1000) })],
  ['a string without an end', `"${'\\"'.repeat(1000)}`],
  ['512 levels', '['.repeat(512) + ']'.repeat(512)],
])('%s passes', (_, text) => {
  expect(scan(text, 512)).not.toThrow()
})

test.each([
  ['empty arrays', mebibytes('[],')],
  ['empty objects', mebibytes('{},')],
  ['numbers', mebibytes('0,')],
  ['empty strings', mebibytes('"",')],
])('16 MiB of %s are refused', (_, text) => {
  expect(scan(`[${text}`, 200_000)).toThrow(errors.tooManyValues(200_000).message)
})

test.each([
  ['arrays', mebibytes('[')],
  ['objects', mebibytes('{"a":')],
  ['both', mebibytes('[{"a":')],
])('16 MiB of nested %s are refused', (_, text) => {
  expect(scan(text, 200_000)).toThrow(errors.nestedTooDeep(512).message)
})
