import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { sessionFolder } from '../../src/sandbox/session-folder.ts'
import { testFolder } from './available.ts'

const isRoot = process.getuid?.() === 0

test.runIf(isRoot)(
  'a file of another user in the folder of a session is neither listed nor read',
  async () => {
    const owner = { uid: 61_184, gid: 61_184 }
    const folder = await sessionFolder(join(testFolder('session', onTestFinished), 'one'), owner)
    writeFileSync(join(folder.data, 'of-root.txt'), 'secret')
    writeFileSync(join(folder.data, 'own.txt'), 'own')
    chownSync(join(folder.data, 'own.txt'), owner.uid, owner.gid)
    expect((await folder.files()).map(({ name }) => name)).toEqual(['own.txt'])
    await expect(folder.read('of-root.txt', 100)).rejects.toThrow('not a regular file')
    expect(await text(await folder.read('own.txt', 100))).toBe('own')
  },
)

test.runIf(process.platform === 'linux')('links are not followed at any place of a path', async () => {
  const outside = testFolder('outside', onTestFinished)
  const folder = await sessionFolder(join(testFolder('session', onTestFinished), 'one'))
  mkdirSync(join(outside, 'sub'))
  for (const name of ['secret', 'sub/secret']) writeFileSync(join(outside, name), 'secret')
  mkdirSync(join(folder.data, 'real'))
  symlinkSync(outside, join(folder.data, 'link'))
  symlinkSync(join(outside, 'sub'), join(folder.data, 'real/link'))
  symlinkSync(join(outside, 'secret'), join(folder.data, 'secret'))
  expect(await folder.files()).toEqual([])
  for (const name of ['link/secret', 'link/sub/secret', 'real/link/secret', 'secret']) {
    await expect(folder.read(name, 100), name).rejects.toThrow(/ELOOP|ENOTDIR/)
  }
})
