import { expect, test } from 'vitest'
import { describeError } from './describe-error.ts'

test.each([
  ['a plain error', new Error('the disk is full'), 'the disk is full'],
  [
    'an error with causes',
    new Error('fetch failed', { cause: new Error('connect', { cause: 'ECONNREFUSED' }) }),
    "fetch failed: connect: 'ECONNREFUSED'",
  ],
  ['several errors', new AggregateError([new Error('one'), new Error('two')], ''), 'one, two'],
  ['an error without a message', Object.assign(new Error(''), { code: 'EPIPE' }), 'Error EPIPE'],
  ['a message of several lines', new Error('first\n  second'), 'first second'],
  ['another value', { code: 7 }, '{ code: 7 }'],
])('%s is described in one line', (_, error, line) => {
  expect(describeError(error)).toBe(line)
})

test('an error that is its own cause is described', () => {
  const error = new Error('loop')
  error.cause = error
  expect(describeError(error)).toBe('loop: loop: loop: loop: loop')
})
