import { afterEach, beforeEach, expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../harness/database.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await testDatabase()
})
afterEach(() => database.drop())

test('a count comes back as a number', async () => {
  expect(await database.db.query({ text: 'select count(*) from pg_class where false' })).toEqual([
    { count: 0 },
  ])
})
