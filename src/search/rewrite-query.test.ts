import { expect, test } from 'vitest'
import { rewriteQuery } from './rewrite-query.ts'

test.each([
  ['Hello, could you please tell me where the ferry leaves?', 'where the ferry leaves'],
  ['I would like to know  when the museum opens, please.', 'when the museum opens'],
  ['ERR_4042', 'ERR_4042'],
  ['please', 'please'],
  ['???', '???'],
])('%s is searched as %s', (query, rewritten) => {
  expect(rewriteQuery(query)).toBe(rewritten)
})
