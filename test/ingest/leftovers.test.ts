import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sweepLeftovers } from '../../src/ingest/cut-into-chunks.ts'

test('what a killed server left of a file is removed after an hour; what is in use stays', async () => {
  const [old, fresh] = [
    mkdtempSync(join(tmpdir(), 'spool-ingest-')),
    mkdtempSync(join(tmpdir(), 'spool-ingest-')),
  ]
  writeFileSync(join(old, 'file'), 'left')
  const longAgo = Date.now() / 1000 - 3700
  utimesSync(old, longAgo, longAgo)
  await sweepLeftovers()
  expect([existsSync(old), existsSync(fresh)]).toEqual([false, true])
  rmSync(fresh, { recursive: true })
})
