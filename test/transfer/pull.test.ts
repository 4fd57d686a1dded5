/** Pulls from services that page, throttle, fail and cut connections. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { endpointOf, type PullSettings } from '../../src/transfer/pull/endpoint.ts'
import type { PullReport } from '../../src/transfer/pull/folder.ts'
import { pullObjects } from '../../src/transfer/pull/pull.ts'
import { testServer } from '../harness/server.ts'
import { busyServer } from './busy-server.ts'
import { account, expectFolder, heron, store, storeFile, time } from './account.ts'
import { file, importInto, makeFolder, message, run, thread, type Folder } from './fixtures.ts'
import { objectsOf } from './objects-of.ts'
import { noObjects, standIn, type Held, type StandIn, type StandInOptions } from './stand-in.ts'

let folder: Folder
let target: string
const stands: StandIn[] = []
beforeEach(() => {
  folder = makeFolder()
  target = join(folder.path, 'pulled')
})
afterEach(async () => {
  for (const stand of stands.splice(0)) await stand.close()
  folder.remove()
})

async function stand(held: Held, options: StandInOptions = {}): Promise<StandIn> {
  const made = await standIn(held, options)
  stands.push(made)
  return made
}

function pull(
  settings: PullSettings,
  options: { ids?: string; signal?: AbortSignal } = {},
): Promise<PullReport> {
  return pullObjects({
    endpoint: endpointOf({ key: 'secret-key', ...settings }),
    folder: target,
    exportedAt: '2026-01-01T00:00:00.000Z',
    onProgress: () => undefined,
    onWait: () => undefined,
    signal: new AbortController().signal,
    ...options,
  })
}

const read = (name: string) => JSON.parse(readFileSync(join(target, name), 'utf8'))
test('a classic project of Azure is pulled completely, through paging, throttling, failures and cut connections', async () => {
  const held = { ...account(), conversations: [] }
  const service = await stand(held, { prefix: '/openai', isTroubled: true })
  const report = await pull({ from: 'azure', url: new URL(service.url).origin })
  expectFolder(target, held)
  expect(report).toMatchObject({
    counts: {
      assistants: 7,
      threads: 7,
      messages: 56,
      runs: 28,
      steps: 28,
      vector_stores: 5,
      vector_store_files: 5,
      files: 6,
      contents: 6,
    },
    gone: [],
    refused: [],
    failed: [],
    missing: [],
  })
  expect(read('manifest.json')).toMatchObject({ is_complete: true, pulled_from: { kind: 'azure' } })
  expect(existsSync(join(target, '.pull'))).toBe(false)
  for (const { path, headers } of service.requests) {
    expect(path).toContain('api-version=2024-05-01-preview')
    expect([headers['api-key'], headers['authorization']]).toEqual(['secret-key', undefined])
  }
})

test('every object of the Azure project is answered unchanged', async () => {
  const held = { ...account(), conversations: [] }
  const service = await stand(held, { prefix: '/api/projects/p' })
  await pull({ from: 'azure', url: service.url, key: undefined, token: 'a-token' })
  expect(service.requests[0]?.headers['authorization']).toBe('Bearer a-token')
  expect(service.requests[0]?.path).toContain('api-version=v1')
  const server = await testServer({ scriptedEmbedder: true, config: { allowAllDownloads: true } })
  try {
    const report = await importInto(server, target)
    expect(report.skipped).toEqual([])
    const objects = (await objectsOf(server)) as Record<string, object[]>
    expect(objects['/assistants']).toMatchObject(held.assistants.toReversed())
    expect(objects['/threads']).toMatchObject(held.threads.map((one) => one.thread).toReversed())
    for (const {
      thread: { id },
      messages,
      runs,
      steps,
    } of held.threads) {
      expect(objects[`/threads/${id}/messages`]).toMatchObject(messages.toReversed())
      expect(objects[`/threads/${id}/runs`]).toMatchObject(runs.toReversed())
      for (const one of runs) {
        expect(objects[`/threads/${id}/runs/${one.id}/steps`]).toMatchObject(
          (steps[one.id] ?? []).toReversed(),
        )
      }
    }
    const withoutSizes = ({
      usage_bytes: _,
      file_counts: __,
      last_active_at: ___,
      ...one
    }: Record<string, unknown>) => one
    expect(objects['/vector_stores']).toMatchObject(
      held.stores.map((one) => withoutSizes(one.store)).toReversed(),
    )
    expect(objects['/vector_stores/vs_0/files']).toMatchObject(
      held.stores[0]!.files.map(withoutSizes).toReversed(),
    )
    const { status_details: _, ...newest } = held.files.at(-1)!.file
    expect(objects['/files']).toHaveLength(6)
    expect(objects['/files']?.[0]).toMatchObject(newest)
    for (const {
      file: { id },
    } of held.files)
      expect(objects[`content of ${id}`]).toBe(heron)
  } finally {
    await server.close()
  }
})

test('an account of OpenAI: lost and refused objects are reported, conversations and threads are pulled by their ids', async () => {
  const held = account()
  const service = await stand(held, {
    isTroubled: true,
    answer(path) {
      if (path.startsWith('/assistants')) return { status: 404, body: { error: { message: 'Invalid URL' } } }
      if (path === '/threads/thread_retired') return { status: 410, body: {} }
      if (path.startsWith('/threads/thread_1')) return { status: 403, body: { error: { message: 'No.' } } }
      if (path === '/threads/thread_2/messages')
        return { status: 400, body: { error: { message: 'Broken.' } } }
      return undefined
    },
  })
  const ids = join(
    folder.write({
      'ids.csv':
        'user,conversation\n1,"conv_0"\n2,conv_1;thread_0\nthread_1 thread_2 thread_none thread_retired',
    }),
    'ids.csv',
  )
  const report = await pull({ from: 'openai', url: service.url }, { ids })
  expect(report).toMatchObject({
    counts: { threads: 2, messages: 8, conversations: 2, files: 6, contents: 6, vector_stores: 5 },
    failed: [],
  })
  expect(report.gone.toSorted()).toEqual(['the list of assistants', 'thread_none', 'thread_retired'])
  expect(report.refused.toSorted((a, b) => a.what.localeCompare(b.what))).toEqual([
    { what: 'thread_1', reason: '403: No.' },
    { what: 'thread_2', reason: expect.stringContaining('400: Broken.') },
  ])
  expect(service.requests.some(({ path }) => path.startsWith('/threads?'))).toBe(false)
  for (const { conversation, items } of held.conversations) {
    expect(read(`conversations/${conversation.id}.json`)).toEqual({ ...conversation, items })
  }
  expect(read('threads/thread_0.json')).toMatchObject({
    thread: held.threads[0]?.thread,
    messages: held.threads[0]?.messages,
  })
  expect(existsSync(join(target, 'assistants.json'))).toBe(false)
  const server = await testServer()
  try {
    const imported = await importInto(server, target)
    expect(imported.kinds).toMatchObject({ thread: { imported: 4 }, message: { imported: 18 } })
  } finally {
    await server.close()
  }
})

test('a file that cannot be downloaded is named, its text is searched, and --files or a later pull brings it', async () => {
  const held: Held = {
    ...noObjects,
    stores: [{ store: store('vs_1'), files: [storeFile('vs_1', 'file-pdf')] }],
    files: [
      { file: file('file-pdf', 'heron.pdf', heron.length), text: 'A heron, as it was read.' },
      { file: file('file-csv', 'sums.csv', 3) },
      { file: { ...file('file-cut', 'cut.txt', 99), purpose: 'vision' }, content: 'too short' },
    ],
  }
  const service = await stand(held)
  const report = await pull({ from: 'openai', url: service.url })
  expect(report.counts).toMatchObject({ files: 3, texts: 1 })
  expect(report.missing.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
    {
      id: 'file-csv',
      filename: 'sums.csv',
      reason: '400: Not allowed to download files of purpose: assistants',
      has_text: false,
    },
    {
      id: 'file-cut',
      filename: 'cut.txt',
      reason: 'its content has 9 bytes, its object says 99',
      has_text: false,
    },
    { id: 'file-pdf', filename: 'heron.pdf', reason: expect.any(String), has_text: true },
  ])
  expect(read('manifest.json').missing_contents).toHaveLength(3)
  const server = await testServer({ scriptedEmbedder: true, config: { allowAllDownloads: true } })
  const { openai } = server
  try {
    const first = await importInto(server, target)
    expect(first.contents).toMatchObject({ imported: 0, missing: 3, texts: 1 })
    expect(await openai.vectorStores.files.poll('vs_1', 'file-pdf', { pollIntervalMs: 20 })).toMatchObject({
      status: 'completed',
    })
    const hits = await openai.vectorStores.search('vs_1', { query: 'heron' })
    expect(hits.data[0]).toMatchObject({
      filename: 'heron.pdf',
      content: [{ text: 'A heron, as it was read.' }],
    })
    expect(await openai.files.retrieve('file-pdf')).toMatchObject({
      bytes: heron.length,
      status: 'error',
      status_details: 'Only the text of this file was imported: vector stores search it.',
    })
    expect((await server.request('GET', '/files/file-pdf/content')).status).toBe(404)
    expect((await server.request('GET', '/files/file-pdf/text')).body).toMatchObject({
      sections: [{ text: 'A heron, as it was read.' }],
    })
    const again = await importInto(server, target)
    expect(again.contents).toMatchObject({ imported: 0, missing: 3, texts: 1 })

    // The content from a folder, then another one from a later pull.
    folder.write({ 'own/sums.csv': '1,2' })
    const filled = await importInto(server, target, { files: join(folder.path, 'own') })
    expect(filled.contents).toMatchObject({ imported: 1, missing: 2, texts: 1 })
    held.files[0]!.content = heron
    const later = await stand(held)
    const moved = { ...read('manifest.json'), pulled_from: { kind: 'openai', url: later.url } }
    writeFileSync(join(target, 'manifest.json'), JSON.stringify(moved))
    expect((await pull({ from: 'openai', url: later.url })).missing.map(({ id }) => id).toSorted()).toEqual([
      'file-csv',
      'file-cut',
    ])
    expect(existsSync(join(target, 'texts/file-pdf.txt'))).toBe(false)
    expect((await importInto(server, target)).contents).toMatchObject({ imported: 1, missing: 1, texts: 0 })
    expect((await server.request('GET', '/files/file-pdf/content')).body).toBe(heron)
    expect(await openai.files.retrieve('file-pdf')).toMatchObject({
      status: 'processed',
      status_details: null,
    })
    await openai.files.delete('file-pdf')
  } finally {
    await server.close()
  }
})

test('another Spool server, object by object', async () => {
  const [source, here] = await Promise.all([
    busyServer({ allowAllDownloads: true }),
    testServer({ scriptedEmbedder: true, config: { allowAllDownloads: true } }),
  ])
  try {
    const report = await pull({ from: 'spool', url: source.url })
    expect(report).toMatchObject({ gone: [], refused: [], failed: [], missing: [] })
    await importInto(here, target)
    expect(await objectsOf(here)).toEqual(await objectsOf(source))
  } finally {
    await Promise.all([source.close(), here.close()])
  }
})

test('a pull that a service interrupts is continued; a complete one starts again without contents', async () => {
  const held = { ...account(), conversations: [] }
  let isDown = false
  const service = await stand(held, {
    answer: (path) =>
      isDown || path === '/vector_stores/vs_3/files'
        ? { status: 401, body: { error: { message: 'Key expired: secret-key' } } }
        : undefined,
  })
  const stopped = await pull({ from: 'spool', url: service.url }).catch((error: unknown) => error)
  expect(String(stopped)).toContain('The key is refused (401: Key expired: …)')
  const before = service.answered.filter((path) => path.startsWith('/threads'))
  expect(before.length).toBeGreaterThan(40)
  expect(read('manifest.json')).toMatchObject({ is_complete: false })

  const requests = service.requests.length
  isDown = true
  await expect(pull({ from: 'spool', url: service.url })).rejects.toThrow('The key is refused')
  const asked = service.requests.slice(requests).map(({ path }) => path)
  expect(asked.filter((path) => path.startsWith('/threads') || path.startsWith('/assistants'))).toEqual([])

  const healthy = await stand(held)
  await expect(pull({ from: 'spool', url: healthy.url })).rejects.toThrow(
    `was not filled from ${healthy.url}`,
  )
  const moved = { ...read('manifest.json'), pulled_from: { kind: 'spool', url: healthy.url } }
  writeFileSync(join(target, 'manifest.json'), JSON.stringify(moved))
  await pull({ from: 'spool', url: healthy.url })
  expectFolder(target, held)

  held.threads[0]?.messages.push(message('thread_0', 'msg_new', time + 99))
  healthy.requests.splice(0)
  await pull({ from: 'spool', url: healthy.url })
  expectFolder(target, held)
  expect(healthy.requests.filter(({ path }) => path.startsWith('/files/'))).toEqual([])
})

test('a pull that was killed while it wrote to its journal is continued, also after another interruption', async () => {
  const held = { ...account(), conversations: [] }
  let forbidden: string | undefined = '/threads/thread_3'
  const service = await stand(held, {
    answer: (path) =>
      forbidden !== undefined && path.startsWith(forbidden)
        ? { status: 401, body: { error: { message: 'Key expired' } } }
        : undefined,
  })
  for (const next of ['/vector_stores/vs_3/files', undefined]) {
    await expect(pull({ from: 'spool', url: service.url })).rejects.toThrow('The key is refused')
    appendFileSync(join(target, '.pull/journal.ndjson'), '{"part":"threads/thr')
    forbidden = next
  }
  await pull({ from: 'spool', url: service.url })
  expectFolder(target, held)
})

test('parts that fail each time are named, and the next pull requests only those', async () => {
  const held = { ...account(), conversations: [] }
  let isBroken = true
  const service = await stand(held, {
    answer: (path) =>
      isBroken && /^\/(threads\/thread_3|vector_stores\/vs_1|files\/file-2)\//.test(path)
        ? { status: 503, headers: { 'retry-after-ms': '1' }, body: { error: { message: 'Busy.' } } }
        : undefined,
  })
  const report = await pull({ from: 'spool', url: service.url })
  expect(report.failed.map(({ what }) => what).toSorted()).toEqual(['file-2', 'thread_3', 'vs_1'])
  expect(report.failed[0]?.reason).toContain('503: Busy.')
  expect(read('manifest.json')).toMatchObject({ is_complete: false, failed: [{}, {}, {}] })
  expect(read('vector_stores.json').map(({ id }: { id: string }) => id)).toEqual([
    'vs_4',
    'vs_3',
    'vs_2',
    'vs_0',
  ])
  isBroken = false
  service.requests.splice(0)
  expect((await pull({ from: 'spool', url: service.url })).failed).toEqual([])
  expectFolder(target, held)
  const asked = service.requests.map(({ path }) => path).filter((path) => /^\/(threads|files)\//.test(path))
  expect(asked.filter((path) => !/thread_3|file-2/.test(path))).toEqual([])
})

test('a wait that the service requests applies to all requests', async () => {
  const held = { ...account(), stores: [], files: [], conversations: [] }
  const refused = '/threads/thread_1/messages'
  const service = await stand(held, {
    answer: (path) =>
      path === refused && service.requests.filter((one) => one.path.startsWith(`${refused}?`)).length === 1
        ? { status: 429, headers: { 'retry-after': '1' }, body: {} }
        : undefined,
  })
  await pull({ from: 'spool', url: service.url })
  const paths = service.requests.map(({ path }) => path.replace(/\?.*/, ''))
  const first = paths.indexOf(refused)
  // Those that were on their way, and those that were sent at the end of the wait before it.
  expect(paths.indexOf(refused, first + 1) - first).toBeLessThan(10)
  expect(paths.length).toBeGreaterThan(60)
  expectFolder(target, held)
})

test('objects whose ids are not valid file names are reported, and write no file', async () => {
  const service = await stand({
    ...noObjects,
    threads: [
      { thread: thread('../../thread_up', time), messages: [], runs: [], steps: {} },
      {
        thread: thread('thread_1', time),
        messages: [],
        runs: [run('thread_1', 'run_1/..', time)],
        steps: {},
      },
    ],
    stores: [{ store: store('..'), files: [] }],
    files: [{ file: file('a/b', 'a.txt', 1), content: 'a' }],
  })
  const report = await pull({ from: 'spool', url: service.url })
  expect(report.refused.map(({ what }) => what)).toEqual(['thread_1', '../../thread_up', '..', 'a/b'])
  expect(service.requests.map(({ path }) => path.replace(/\?.*/, ''))).toEqual([
    '/assistants',
    '/threads',
    '/threads/thread_1/messages',
    '/threads/thread_1/runs',
    '/vector_stores',
    '/files',
  ])
})

test.each([
  [{ from: 'spool', url: undefined }, 'needs the address of the service'],
  [{ from: 'azure', url: 'ftp://x' }, '--url must be an address'],
  [{ from: 'azure', url: 'https://key:word@x.example' }, '--url must be an address'],
  [{ from: 'openai', key: undefined }, "There is no key for 'openai': set OPENAI_API_KEY, or --key."],
] as [PullSettings, string][])('the settings %j are refused', (settings, reason) => {
  expect(() => endpointOf({ key: 'k', ...settings })).toThrow(reason)
})

test('a folder that no pull has created, an address that redirects and a missing list of ids are refused', async () => {
  const service = await stand(noObjects, {
    answer: () => ({ status: 301, headers: { location: 'https://elsewhere.example/' }, body: {} }),
  })
  await expect(pull({ from: 'openai', url: service.url })).rejects.toThrow(
    'leads to https://elsewhere.example/',
  )
  target = folder.write({ 'mine.txt': 'text' })
  await expect(pull({ from: 'openai', url: service.url })).rejects.toThrow(
    'is not empty, and was not created by a pull',
  )
  const missing = pull({ from: 'openai', url: service.url }, { ids: join(target, 'none') })
  await expect(missing).rejects.toThrow('There is no file')
  const empty = pull({ from: 'openai', url: service.url }, { ids: join(target, 'mine.txt') })
  await expect(empty).rejects.toThrow('has no ids')
})
