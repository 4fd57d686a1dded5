import { afterEach, beforeEach, expect, test } from 'vitest'
import { Hints, type Hint } from '../../src/runs/hints.ts'
import { eventually } from '../harness/stories.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await testDatabase()
})
afterEach(() => database.drop())

test('a hint about more runs than one notification can name reaches the other processes', async () => {
  const [here, elsewhere] = [new Hints({ shared: true }), new Hints({ shared: true })]
  const received: Hint[] = []
  await elsewhere.start(database.db)
  elsewhere.subscribe((hint) => received.push(hint))
  const run_ids = Array.from({ length: 400 }, (_, index) => `run_${index}`.padEnd(28, 'x'))
  await database.db.transaction((tx) => here.announce(tx, { kind: 'log', run_ids }))
  await database.db.transaction((tx) => here.announce(tx, { kind: 'log', run_ids: run_ids.slice(0, 3) }))
  await eventually(() => received.length === 2, 'both hints')
  expect(received).toEqual([{ kind: 'all' }, { kind: 'log', run_ids: run_ids.slice(0, 3) }])
  await elsewhere.close()
})
