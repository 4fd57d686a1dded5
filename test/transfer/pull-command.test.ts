/** `spool pull`, as a user runs it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { runMain, startMain } from '../cli/run-main.ts'
import { account, expectFolder } from './account.ts'
import { setUpEach } from './fixtures.ts'
import { standIn, type Held, type StandIn, type StandInOptions } from './stand-in.ts'

const setup = setUpEach()
let service: StandIn | undefined
afterEach(async () => {
  await service?.close()
  service = undefined
})

async function serve(held: Held, options: StandInOptions = {}): Promise<StandIn> {
  service = await standIn(held, options)
  return service
}

const environment = (more: Record<string, string> = {}) => ({
  SPOOL_DATA_DIR: setup.server.dataDir,
  SPOOL_SANDBOX: 'off',
  DATABASE_URL: setup.server.databaseUrl,
  ...more,
})

test('a pull from another Spool imports into the running server; its key is printed nowhere', async () => {
  const { url } = await serve({ ...account(), conversations: [] })
  const args = ['pull', '--from', 'spool', '--url', new URL(url).origin]
  const { code, stdout, stderr } = await runMain(args, environment({ SPOOL_PULL_KEY: 'secret-key' }))
  expect(code).toBe(0)
  expect(stdout + stderr).not.toContain('secret-key')
  expect(stdout).toContain(
    '7 assistants, 7 threads, 56 messages, 28 runs, 28 steps, 5 vector stores, 5 vector store files, 6 files, 6 contents.',
  )
  expect(stdout).toMatch(/message +56 found, 56 imported/)
  const [, path = ''] = /Pulled into (\S+):/.exec(stdout) ?? []
  expect(path).toContain(setup.server.dataDir)
  expect(existsSync(join(path, 'manifest.json'))).toBe(true)
  expect(readFileSync(join(path, 'manifest.json'), 'utf8')).not.toContain('secret-key')
  expect((await setup.server.openai.beta.assistants.list()).data).toHaveLength(7)
  const messages = await setup.server.openai.beta.threads.messages.list('thread_3', { order: 'asc' })
  expect(messages.data.map(({ id }) => id)).toEqual(Array.from({ length: 8 }, (_, at) => `msg_3_${at}`))
})

test('a killed pull is continued, and does not request complete parts again', async () => {
  const held = { ...account(), conversations: [] }
  const target = join(setup.folder.path, 'out')
  const started: ReturnType<typeof startMain>[] = []
  const troubled = await serve(held, {
    isTroubled: true,
    onRequest(count) {
      if (count === 90) started[0]?.child.kill('SIGKILL')
    },
  })
  const args = ['pull', '--from', 'spool', '--url', troubled.url, '--to', target]
  started.push(startMain(args, environment({ SPOOL_PULL_KEY: 'key' })))
  expect((await started[0]?.ended)?.code).toBeNull()
  const complete = readFileSync(join(target, '.pull/journal.ndjson'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { part: string }).part)
  expect(complete).toContain('assistants')
  expect(complete.filter((part) => part.startsWith('threads/')).length).toBeGreaterThan(0)
  expect(complete).not.toContain('files')

  troubled.requests.splice(0)
  const second = await runMain(args, environment({ SPOOL_PULL_KEY: 'key' }))
  expect(second.code).toBe(0)
  expect(second.stdout).toContain('7 threads, 56 messages, 28 runs, 28 steps')
  const asked = troubled.requests.map(({ path }) => path)
  for (const part of complete) expect(asked.filter((path) => path.startsWith(`/${part}/`))).toEqual([])
  expect(asked.filter((path) => path.startsWith('/assistants'))).toEqual([])
  expectFolder(target, held)
  expect((await setup.server.openai.beta.assistants.list()).data).toEqual([])
})

test('a pull with failures ends with code 1, and the report names lost objects and files without content', async () => {
  const held = account()
  const { url } = await serve(
    { ...held, files: held.files.map(({ file }) => ({ file })) },
    {
      answer: (path) =>
        path === '/vector_stores'
          ? { status: 500, headers: { 'retry-after-ms': '1' }, body: { error: { message: 'Oops.' } } }
          : path === '/assistants'
            ? { status: 404, body: {} }
            : undefined,
    },
  )
  const args = [
    'pull',
    '--from',
    'openai',
    '--url',
    url,
    '--key',
    'k',
    '--to',
    join(setup.folder.path, 'out'),
  ]
  const { code, stdout } = await runMain(args, environment())
  expect(code).toBe(1)
  expect(stdout).toContain('The service does not have:\n  the list of assistants\n')
  expect(stdout).toContain('file-5 5.txt: 400: Not allowed to download files of purpose: assistants')
  expect(stdout).toContain('  and 1 more in manifest.json')
  expect(stdout).toMatch(/run the pull again for:\n {2}the list of vector stores: .*500: Oops\./)
})

test.each([
  [['pull'], "The command 'pull' needs --from openai, azure or spool."],
  [['pull', '--from', 'google'], "There is no service 'google'"],
  [['pull', '--from', 'spool', '--token', 'x'], '--token and --api-version belong to --from azure.'],
  [['pull', '--from', 'openai', '--key', 'k', '--to', 'x', '--files', 'y'], '--files belongs to an import'],
])('%j is refused', async (args, reason) => {
  const { code, stderr } = await runMain(args, environment())
  expect(code).toBe(2)
  expect(stderr).toContain(reason)
})

test('a key that is refused, and no key, end with a sentence', async () => {
  const { url } = await serve(account(), {
    answer: () => ({ status: 401, body: { error: { message: 'Incorrect API key provided: secret-key.' } } }),
  })
  const args = ['pull', '--from', 'spool', '--url', url, '--to', join(setup.folder.path, 'out')]
  const refused = await runMain([...args, '--key', 'secret-key'], environment())
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('The key is refused (401: Incorrect API key provided: ….)')
  const none = await runMain(args, environment())
  expect(none.stderr).toContain("There is no key for 'spool': set SPOOL_PULL_KEY, or --key.")
})
