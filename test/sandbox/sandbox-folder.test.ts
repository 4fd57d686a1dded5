import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { spawnSync } from 'node:child_process'
import { sessionsFolder } from '../../src/sandbox/sandbox-folder.ts'
import { asOrdinaryUser } from '../harness/ordinary-user.ts'
import { testFolder } from './available.ts'

const dataDir = testFolder('sessions')
const shared = testFolder('shared')
const planted = testFolder('planted')

/** The id of a process that has just ended. */
function endedPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid
}

test('folders of a killed server are removed, those of running servers and of other hosts are kept', async () => {
  const home = dirname(await sessionsFolder(dataDir))
  const left = join(home, `${hostname()}.${endedPid()}.x`)
  const living = join(home, `${hostname()}.${process.ppid}.x`)
  const foreign = join(home, `other-host.${endedPid()}.x`)
  for (const folder of [left, living, foreign]) mkdirSync(join(folder, 'inside'), { recursive: true })
  await sessionsFolder(dataDir)
  expect([left, living, foreign].map((folder) => existsSync(folder))).toEqual([false, true, true])
})

test('a folder of a killed server that cannot be removed does not stop the start', async () => {
  const left = join(shared, 'sandbox', 'sessions', `${hostname()}.${endedPid()}.x`)
  mkdirSync(join(left, 'inside'), { recursive: true })
  chmodSync(shared, 0o755)
  chmodSync(dirname(left), 0o777)
  chmodSync(left, 0)
  onTestFinished(() => chmodSync(left, 0o700))
  const folder = await asOrdinaryUser(() => sessionsFolder(shared))
  expect([existsSync(left), existsSync(folder)]).toEqual([true, true])
})

test.runIf(process.getuid?.() === 0)(
  'below a private folder a root server uses the system’s own /tmp',
  async () => {
    const hidden = join(dataDir, 'private')
    mkdirSync(hidden, { mode: 0o700 })
    chmodSync(hidden, 0o700)
    const folder = await sessionsFolder(join(hidden, 'data'))
    onTestFinished(() => rmSync(dirname(dirname(folder)), { recursive: true, force: true }))
    expect(folder.startsWith(hidden)).toBe(false)
    chmodSync(hidden, 0o711)
    expect((await sessionsFolder(join(hidden, 'data'))).startsWith(hidden)).toBe(true)
  },
)

test
  .runIf(process.getuid?.() === 0)
  .each(['a folder of another user', 'a link', 'a folder that others may change'])(
  'a root server does not use %s in /tmp',
  async (kind) => {
    chmodSync(planted, 0o700)
    const home = dirname(dirname(await sessionsFolder(planted)))
    onTestFinished(() => rmSync(home, { recursive: true, force: true }))
    if (kind === 'a folder of another user') chownSync(home, 65534, 65534)
    if (kind === 'a folder that others may change') chmodSync(home, 0o777)
    if (kind === 'a link') {
      renameSync(home, `${home}.moved`)
      onTestFinished(() => rmSync(`${home}.moved`, { recursive: true }))
      symlinkSync(`${home}.moved`, home)
    }
    await expect(sessionsFolder(planted)).rejects.toThrow('can be changed by others')
  },
)
