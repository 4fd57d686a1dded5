import { expect, test } from 'vitest'
import { TextJoiner } from './storable-text.ts'

test('a character that was split between two pieces is joined', () => {
  const joiner = new TextJoiner()
  expect(['a\ud83d', '\ude00b'].map((piece) => joiner.join(piece))).toEqual(['a', '😀b'])
})

test('characters that cannot be stored are replaced', () => {
  const joiner = new TextJoiner()
  expect(['\ude00', 'x\0y', '\ud83d', 'z'].map((piece) => joiner.join(piece))).toEqual([
    '\ufffd',
    'x\ufffdy',
    '',
    '\ufffdz',
  ])
})
