/** The data folder of the first version, opened by this one. README.md says how the fixture was made. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { startProcess, type ServerProcess } from '../harness/process.ts'
import { readAll, type Everything } from './read-all.ts'

interface Fixture {
  /** What the first version answered. */
  objects: Everything
  /** Addresses that no list leads to. */
  batches: string[]
  /** A run that waits for the outputs of two calls. */
  run_path: string
  /** An upload that was left pending, for an hour. */
  upload_id: string
}

const unpacked = (name: string) => brotliDecompressSync(readFileSync(join(import.meta.dirname, name)))

const fixture = JSON.parse(unpacked('first-version.json.br').toString()) as Fixture
let data: DataDir
let server: ServerProcess
beforeAll(async () => {
  data = makeDataDir()
  const tar = spawnSync('tar', ['-xf', '-', '--no-same-owner', '-C', data.path], {
    input: unpacked('first-version.tar.br'),
  })
  if (tar.status !== 0) throw new Error(String(tar.stderr))
  server = await startProcess(data.path, {
    SPOOL_SANDBOX: 'off',
    SPOOL_DISCOVERY: '0',
    SPOOL_RUN_LOG_DAYS: '0',
    SPOOL_ALLOW_ALL_DOWNLOADS: '1',
  })
})
afterAll(async () => {
  await server?.end('SIGTERM')
  await data.remove()
})

test('every object of the first version is read as that version showed it', async () => {
  const { objects, batches } = fixture
  const found = await readAll(`${server.url}/v1`, batches)
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(objects).toSorted())
  for (const [path, object] of Object.entries(objects)) expect(found[path], path).toEqual(object)
})

test('a run that waited in the first version is completed by this one', async () => {
  const [, thread_id = '', run_id = ''] = /^\/threads\/(.*)\/runs\/(.*)$/.exec(fixture.run_path) ?? []
  const { threads } = server.openai.beta
  const run = await threads.runs.retrieve(run_id, { thread_id })
  expect(run.status).toBe('requires_action')
  const done = await threads.runs.submitToolOutputsAndPoll(run_id, {
    thread_id,
    tool_outputs: (run.required_action?.submit_tool_outputs.tool_calls ?? []).map(({ id }) => ({
      tool_call_id: id,
      output: '20',
    })),
  })
  expect(done.status).toBe('completed')
})

test('stores of the first version are searched and cited without a reindex', async () => {
  const { data: stores } = await server.openai.vectorStores.list()
  const store = stores.find(({ name }) => name === 'birds')
  const hits = await server.openai.vectorStores.search(store?.id ?? '', { query: 'lamp at dusk' })
  expect(hits.data[0]?.content[0]?.text).toContain('The lamp is lit at dusk.')
})

test('an upload that was left pending is known', async () => {
  const response = await fetch(`${server.url}/v1/uploads/${fixture.upload_id}/cancel`, {
    method: 'POST',
    headers: { authorization: 'Bearer any-key' },
  })
  expect(await response.text()).toMatch(/cancelled|expired/)
})
