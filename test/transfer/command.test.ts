/** `spool import` and `spool export`, as a user runs them. */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runMain } from '../cli/run-main.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { assistant, makeFolder, message, type Folder } from './fixtures.ts'

let server: TestServer
let folder: Folder
beforeEach(async () => {
  server = await testServer()
  folder = makeFolder()
})
afterEach(async () => {
  folder.remove()
  await server.close()
})

const environment = (more: Record<string, string> = {}) => ({
  SPOOL_DATA_DIR: server.dataDir,
  SPOOL_SANDBOX: 'off',
  DATABASE_URL: server.databaseUrl,
  ...more,
})

test('an import beside a running server is there at once; a dry run before it wrote nothing', async () => {
  const path = folder.write({ 'a.json': [assistant('asst_1')], 'm.json': [message('thread_1', 'msg_1', 5)] })
  const dry = await runMain(['import', path, '--dry-run'], environment())
  expect(dry).toMatchObject({ code: 0, stderr: '' })
  expect(dry.stdout).toContain('Nothing was written (dry run).')
  expect(dry.stdout).toMatch(/assistant +1 found, 1 to import, 0 already there, 0 skipped/)
  expect((await server.openai.beta.assistants.list()).data).toEqual([])

  const { code, stdout } = await runMain(['import', path], environment())
  expect(code).toBe(0)
  expect(stdout).toMatch(/message +1 found, 1 imported, 0 already there, 0 skipped/)
  expect(stdout).toContain('1 threads are created that only their messages name.')
  expect((await server.openai.beta.assistants.retrieve('asst_1')).name).toBe('Math tutor')
  const elsewhere = await runMain(['import', path, '--project', 'other'], environment())
  expect(elsewhere.stdout).toContain('its id exists in another project (asst_1)')
})

test('an import into a new data folder creates the database', async () => {
  const path = folder.write({ 'export/a.json': [assistant('asst_1')] })
  const data = { SPOOL_DATA_DIR: join(path, 'data'), SPOOL_SANDBOX: 'off' }
  const first = await runMain(['import', join(path, 'export')], data)
  expect(first).toMatchObject({ code: 0 })
  const second = await runMain(['import', join(path, 'export')], data)
  expect(second.stdout).toMatch(/assistant +1 found, 0 imported, 1 already there/)
})

test('a path that is not there, and options of other commands, are refused', async () => {
  const missing = await runMain(['import', join(folder.path, 'none')], environment())
  expect(missing).toMatchObject({ code: 1 })
  expect(missing.stderr).toContain('There is no file or folder')
  expect(await runMain(['doctor', '--dry-run'])).toMatchObject({ code: 2 })
})

test('an export is imported into another data folder', async () => {
  await server.openai.beta.assistants.create({ model: 'gpt-4o', name: 'Keeper' })
  const target = join(folder.path, 'out')
  const exported = await runMain(['export', target], environment())
  expect(exported).toMatchObject({ code: 0, stdout: '' })
  expect(exported.stderr).toContain('Exported: 1 assistants, 0 threads')
  const imported = await runMain(['import', target], {
    SPOOL_DATA_DIR: join(folder.path, 'data'),
    SPOOL_SANDBOX: 'off',
  })
  expect(imported.stdout).toMatch(/assistant +1 found, 1 imported/)
  const again = await runMain(['export', target], environment())
  expect(again).toMatchObject({ code: 1 })
  expect(again.stderr).toContain('is not empty')
  const wrong = await runMain(['export', join(folder.path, 'two'), '--format', 'xml'], environment())
  expect(wrong).toMatchObject({ code: 2 })
})
