import { chmodSync, existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { removeOldFolders } from '../../src/ingest/read-file.ts'
import { asOrdinaryUser } from '../harness/ordinary-user.ts'

const longAgo = Date.now() / 1000 - 7300

test('temporary files of a killed server are removed after two hours, and those in use are kept', async () => {
  const [old, fresh] = [
    mkdtempSync(join(tmpdir(), 'spool-ingest-')),
    mkdtempSync(join(tmpdir(), 'spool-ingest-')),
  ]
  writeFileSync(join(old, 'file'), 'left')
  utimesSync(old, longAgo, longAgo)
  await removeOldFolders()
  expect([existsSync(old), existsSync(fresh)]).toEqual([false, true])
  rmSync(fresh, { recursive: true })
})

test('a folder of another user in the temporary folder does not stop the start', async () => {
  const theirs = mkdtempSync(join(tmpdir(), 'spool-ingest-'))
  onTestFinished(() => {
    chmodSync(theirs, 0o700)
    rmSync(theirs, { recursive: true })
  })
  writeFileSync(join(theirs, 'file'), 'left')
  utimesSync(theirs, longAgo, longAgo)
  chmodSync(theirs, 0)
  await asOrdinaryUser(removeOldFolders)
  expect(existsSync(theirs)).toBe(true)
})

test('a temporary folder that may be written and not listed does not stop the start', async () => {
  const hardened = mkdtempSync(join(tmpdir(), 'spool-hardened-'))
  onTestFinished(() => rmSync(hardened, { recursive: true }))
  chmodSync(hardened, 0o1333)
  await asOrdinaryUser(async () => {
    await expect(readdir(hardened)).rejects.toThrow('EACCES')
    await removeOldFolders(hardened)
  })
})
