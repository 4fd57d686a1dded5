import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { sessionsFolder } from '../../src/sandbox/sandbox-folder.ts'
import { testFolder } from './available.ts'

const dataDir = testFolder('sessions')

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
