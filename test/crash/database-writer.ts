/**
 * A server for crash tests: opens the database of a folder, adds rows to it without pause and prints the id of each
 * one that was acknowledged. SIGTERM and SIGINT close it.
 * Arguments: the data folder, the folder of migrations (their table is `notes (id text)`).
 */
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { DatabaseUnavailable } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open.ts'

const [dataDir = '', migrations = ''] = process.argv.slice(2)
// Written at once, so that a kill loses no printed line.
const print = (line: string) => writeSync(1, `${line}\n`)

const opened = await openDatabase({
  dataDir,
  migrations,
  poolSize: 4,
  timeoutMs: 60_000,
  log: (level, message, fields) => print(`log ${level} ${message} ${JSON.stringify(fields ?? {})}`),
}).catch((error: unknown) => {
  print(`refused ${String(error)}`)
  process.exit(1)
})
print(`open ${opened.description}`)

let closing = false
const writers = Array.from({ length: 2 }, async () => {
  while (!closing) {
    const id = randomUUID()
    try {
      await opened.db.transaction(async (tx) => {
        await tx.query({ name: 'add', text: 'insert into notes (id) values ($1)', values: [id] })
      })
      print(`wrote ${id}`)
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error
      print('unavailable')
      await wait(20)
    }
  }
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    closing = true
    void Promise.all(writers)
      .then(() => opened.close())
      .then(() => print('closed'))
  })
}
