/** `spool import` and `spool export`, as a user runs them. */
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runMain, startMain } from '../cli/run-main.ts'
import { startProcess } from '../harness/process.ts'
import { makeDataDir } from '../harness/data-dir.ts'
import { assistant, importInto, message, setUpEach } from './fixtures.ts'

const setup = setUpEach()

const environment = (more: Record<string, string> = {}) => ({
  SPOOL_DATA_DIR: setup.server.dataDir,
  SPOOL_SANDBOX: 'off',
  DATABASE_URL: setup.server.databaseUrl,
  ...more,
})

test('a running server shows imported objects at once; a dry run before it wrote nothing', async () => {
  const path = setup.folder.write({
    'a.json': [assistant('asst_1')],
    'm.json': [message('thread_1', 'msg_1', 5)],
  })
  const dry = await runMain(['import', path, '--dry-run'], environment())
  expect(dry).toMatchObject({ code: 0, stderr: '' })
  expect(dry.stdout).toContain('Nothing was written (dry run).')
  expect(dry.stdout).toMatch(/assistant +1 found, 1 to import, 0 already there, 0 skipped/)
  expect((await setup.server.openai.beta.assistants.list()).data).toEqual([])

  const { code, stdout } = await runMain(['import', path], environment())
  expect(code).toBe(0)
  expect(stdout).toMatch(/message +1 found, 1 imported, 0 already there, 0 skipped/)
  expect(stdout).toContain('1 threads have no thread object: they are created from their messages.')
  expect((await setup.server.openai.beta.assistants.retrieve('asst_1')).name).toBe('Math tutor')
  const elsewhere = await runMain(['import', path, '--project', 'other'], environment())
  expect(elsewhere.stdout).toContain('its id exists in another project (asst_1)')
})

test('a running server with the embedded database shows imported objects at once', async () => {
  const data = makeDataDir()
  const running = await startProcess(data.path, { SPOOL_SANDBOX: 'off', SPOOL_DISCOVERY: '0' })
  try {
    const path = setup.folder.write({ 'm.json': [assistant('asst_1'), message('thread_1', 'msg_1', 5)] })
    const { code, stdout } = await runMain(['import', path], {
      SPOOL_DATA_DIR: data.path,
      SPOOL_SANDBOX: 'off',
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(/message +1 found, 1 imported/)
    const { openai } = running
    expect((await openai.beta.threads.messages.retrieve('msg_1', { thread_id: 'thread_1' })).created_at).toBe(
      5,
    )
    const target = join(path, 'out')
    const exported = await runMain(['export', target], { SPOOL_DATA_DIR: data.path, SPOOL_SANDBOX: 'off' })
    expect(exported.stderr).toContain('1 assistants, 1 threads, 1 messages')
    await openai.beta.threads.messages.create('thread_1', { role: 'user', content: 'still running' })
  } finally {
    await running.end('SIGTERM')
    await data.remove()
  }
})

test('an import that is killed in the middle is completed by a second run', async () => {
  const total = 20_000
  const lines = Array.from({ length: total }, (_, index) =>
    JSON.stringify(
      message(`thread_${index % 7}`, `msg_${String(index).padStart(5, '0')}`, 1_000_000 - index),
    ),
  )
  // The import waits for a message of the middle, which this transaction holds.
  await importInto(setup.server, setup.folder.write({ 'first.json': message('thread_0', 'msg_first', 1) }))
  const path = join(setup.folder.path, 'all.ndjson')
  writeFileSync(path, lines.join('\n'))
  const held = await setup.server.db.dedicated()
  await held.query({ text: 'begin' })
  await held.query({
    text: `insert into messages select (json_populate_record(m, '{"id": "msg_10000", "seq": 0}')).* from messages m`,
  })
  const count = async () => {
    const [row] = await setup.server.db.query<{ count: number }>({ text: 'select count(*) from messages' })
    return row?.count
  }
  const killed = startMain(['import', path], environment())
  await expect.poll(count).toBe(10_001)
  killed.child.kill('SIGKILL')
  expect((await killed.ended).code).toBeNull()
  await held.query({ text: 'rollback' })
  await held.close()

  const { code, stdout } = await runMain(['import', path], environment())
  expect(code).toBe(0)
  expect(stdout).toMatch(/message +20000 found, \d+ imported, \d+ already there, 0 skipped/)
  const [, imported, there] = /found, (\d+) imported, (\d+) already there/.exec(stdout) ?? []
  expect(Number(imported) + Number(there)).toBe(total)
  expect(Number(there)).toBeGreaterThanOrEqual(10_000)
  expect(await count()).toBe(total + 1)
  // The lines are newest first.
  const rows = await setup.server.db.query<{ id: string }>({
    text: `select id from messages where thread_id = 'thread_3' order by seq`,
  })
  const expected = Array.from({ length: total }, (_, index) => index).filter((index) => index % 7 === 3)
  expect(rows.map(({ id }) => Number(id.slice('msg_'.length)))).toEqual(expected.toReversed())
})

test('an import into a new data folder creates the database', async () => {
  const path = setup.folder.write({ 'export/a.json': [assistant('asst_1')] })
  const data = { SPOOL_DATA_DIR: join(path, 'data'), SPOOL_SANDBOX: 'off' }
  const first = await runMain(['import', join(path, 'export')], data)
  expect(first).toMatchObject({ code: 0 })
  const second = await runMain(['import', join(path, 'export')], data)
  expect(second.stdout).toMatch(/assistant +1 found, 0 imported, 1 already there/)
  writeFileSync(join(path, 'notes.txt'), 'nothing that was saved')
  const nothing = await runMain(['import', join(path, 'notes.txt')], data)
  expect(nothing.stdout).toContain('Nothing was found that can be imported.')
})

test('a path that does not exist, and options of other commands, are refused', async () => {
  const missing = await runMain(['import', join(setup.folder.path, 'none')], environment())
  expect(missing).toMatchObject({ code: 1 })
  expect(missing.stderr).toContain('There is no file or folder')
  const elsewhere = { SPOOL_DATA_DIR: join(setup.folder.path, 'new') }
  expect(await runMain(['import', join(setup.folder.path, 'none')], elsewhere)).toMatchObject({ code: 1 })
  expect(existsSync(elsewhere.SPOOL_DATA_DIR)).toBe(false)
  expect(await runMain(['doctor', '--dry-run'])).toMatchObject({ code: 2 })
})

test('an import asks the model server on this machine for its embedder, an export does not', async () => {
  let requests = 0
  const models = createServer((_request, response) => {
    requests += 1
    response.setHeader('content-type', 'application/json').end('{"object":"list","data":[]}')
  }).listen(0, '127.0.0.1')
  await once(models, 'listening')
  const url = `http://127.0.0.1:${(models.address() as AddressInfo).port}/v1`
  try {
    const exported = await runMain(
      ['export', join(setup.folder.path, 'out')],
      environment({ OPENAI_BASE_URL: url, SPOOL_DISCOVERY: '1' }),
    )
    expect(exported.code).toBe(0)
    expect(requests).toBe(0)
    const path = setup.folder.write({ 'a.json': [assistant('asst_1')] })
    await runMain(['import', path], environment({ OPENAI_BASE_URL: url, SPOOL_DISCOVERY: '1' }))
    expect(requests).toBeGreaterThan(0)
  } finally {
    models.close()
  }
})

test('an export is imported into another data folder', async () => {
  await setup.server.openai.beta.assistants.create({ model: 'gpt-4o', name: 'Keeper' })
  const target = join(setup.folder.path, 'out')
  const exported = await runMain(['export', target], environment())
  expect(exported).toMatchObject({ code: 0, stdout: '' })
  expect(exported.stderr).toContain('Exported: 1 assistants, 0 threads')
  const imported = await runMain(['import', target], {
    SPOOL_DATA_DIR: join(setup.folder.path, 'data'),
    SPOOL_SANDBOX: 'off',
  })
  expect(imported.stdout).toMatch(/assistant +1 found, 1 imported/)
  const again = await runMain(['export', target], environment())
  expect(again).toMatchObject({ code: 1 })
  expect(again.stderr).toContain('is not empty')
  const wrong = await runMain(['export', join(setup.folder.path, 'two'), '--format', 'xml'], environment())
  expect(wrong).toMatchObject({ code: 2 })
})
