import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { writeHashed } from './write-hashed.ts'

test('a stream above the limit is refused at the limit, not at its end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'spool-hash-'))
  const file = await open(join(folder, 'file'), 'wx')
  let sent = 0
  const source = Readable.from(
    (async function* () {
      for (; sent < 1000; sent++) yield Buffer.alloc(1000)
    })(),
  )
  const written = writeHashed(source, file, {
    signal: undefined,
    limit: { bytes: 10_000, error: () => new Error('too large') },
  })
  await expect(written).rejects.toThrow('too large')
  expect(sent).toBeLessThan(100)
  await file.close()
  await rm(folder, { recursive: true })
})
