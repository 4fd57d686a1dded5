import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openSources } from '../../src/transfer/sources.ts'
import { testFolder } from '../sandbox/available.ts'
import { storedZip } from '../sandbox/stored-zip.ts'

test('the limit of a zip applies to all its files together', async () => {
  const path = join(testFolder('sources', onTestFinished), 'export.zip')
  writeFileSync(path, storedZip({ 'a.json': '[1,2,3]', 'b.json': '[4,5,6]' }))
  await expect(openSources(path, { maxBytes: 13 })).rejects.toThrow('The zip holds more than 13 bytes.')
  const sources = await openSources(path, { maxBytes: 14 })
  expect(sources.files.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['a.json', 7],
    ['b.json', 7],
  ])
  await sources.close()
})
