import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { removeOldFolders } from '../../src/ingest/read-file.ts'

test('temporary files of a killed server are removed after two hours, and those in use are kept', async () => {
  const [old, fresh] = [
    mkdtempSync(join(tmpdir(), 'spool-ingest-')),
    mkdtempSync(join(tmpdir(), 'spool-ingest-')),
  ]
  writeFileSync(join(old, 'file'), 'left')
  const longAgo = Date.now() / 1000 - 7300
  utimesSync(old, longAgo, longAgo)
  await removeOldFolders()
  expect([existsSync(old), existsSync(fresh)]).toEqual([false, true])
  rmSync(fresh, { recursive: true })
})
