/** Imports of files with and without their contents. */
import { strToU8, zipSync } from 'fflate'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { file, importInto, message, setUpEach } from './fixtures.ts'

const setup = setUpEach({ scriptedEmbedder: true, config: { allowAllDownloads: true } })

const store = {
  id: 'vs_1',
  object: 'vector_store',
  created_at: 1_710_000_200,
  name: 'Birds',
  usage_bytes: 100,
  file_counts: { in_progress: 0, completed: 1, failed: 0, cancelled: 0, total: 1 },
  status: 'completed',
  expires_after: null,
  expires_at: null,
  last_active_at: 1_710_000_300,
  metadata: {},
}
const heron = 'The heron waits in shallow water.'
const stored = {
  id: 'file-h',
  object: 'vector_store.file',
  usage_bytes: 50,
  created_at: 1_710_000_201,
  vector_store_id: 'vs_1',
  status: 'completed',
  last_error: null,
  chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 100 } },
  attributes: { topic: 'birds' },
}

test('a file without content has its metadata and a clear error, and --files adds the content later', async () => {
  setup.folder.write({ 'export/a.json': [file('file-h', 'heron.txt', heron.length), store, stored] })
  const report = await importInto(setup.server, join(setup.folder.path, 'export'))
  expect(report.contents).toEqual({ imported: 0, missing: 1, texts: 0, missing_examples: ['file-h'] })
  const { openai } = setup.server
  expect(await openai.files.retrieve('file-h')).toMatchObject({
    filename: 'heron.txt',
    bytes: heron.length,
    status: 'error',
    status_details: 'The content of this file was not part of the import.',
  })
  const content = await setup.server.request('GET', '/files/file-h/content')
  expect(content.status).toBe(404)
  expect(content.body.error.message).toContain('--files')
  expect(await openai.vectorStores.files.retrieve('file-h', { vector_store_id: 'vs_1' })).toMatchObject({
    status: 'failed',
    last_error: { code: 'invalid_file', message: 'The content of the file was not imported.' },
    attributes: { topic: 'birds' },
  })

  // A file of the same name and another size is not the same file.
  setup.folder.write({ 'wrong/heron.txt': 'other', 'right/deep/heron.txt': heron })
  const wrong = await importInto(setup.server, join(setup.folder.path, 'export'), {
    files: join(setup.folder.path, 'wrong'),
  })
  expect(wrong.contents).toMatchObject({ imported: 0, missing: 1 })
  const right = await importInto(setup.server, join(setup.folder.path, 'export'), {
    files: join(setup.folder.path, 'right'),
  })
  expect(right.contents).toMatchObject({ imported: 1, missing: 0 })
  expect(await (await openai.files.content('file-h')).text()).toBe(heron)
  await openai.vectorStores.files.poll('vs_1', 'file-h', { pollIntervalMs: 50 })
  const hits = await openai.vectorStores.search('vs_1', { query: 'heron' })
  expect(hits.data[0]).toMatchObject({ file_id: 'file-h', attributes: { topic: 'birds' } })
  await openai.files.delete('file-h')
})

test('a dry run has the same counts as the import after it', async () => {
  const repeated = file('file-1', 'a.txt', heron.length)
  setup.folder.write({
    'objects.json': [repeated, file('file-2', 'b.txt', 3), store, { ...stored, id: 'file-1' }],
    'again.json': [
      repeated,
      file('file-2', 'b.txt', 3),
      { ...stored, id: 'file-1' },
      { ...stored, id: 'file-gone' },
      { ...stored, id: 'file-2', vector_store_id: 'vs_gone' },
    ],
    'a.txt': heron,
  })
  for (const imported of [1, 0]) {
    const dry = await importInto(setup.server, setup.folder.path, { dryRun: true })
    const { contents, kinds, skipped } = await importInto(setup.server, setup.folder.path)
    expect({ kinds: dry.kinds, skipped: dry.skipped }).toEqual({ kinds, skipped })
    expect(kinds.vector_store_file).toMatchObject({ imported, already_there: 2 - imported, skipped: 2 })
    expect(dry.contents).toEqual(contents)
  }
})

test('a file without content can be deleted, and fails clearly where its content is needed', async () => {
  await importInto(
    setup.server,
    setup.folder.write({ 'a.json': [file('file-1', 'a.png', 4), file('file-2', 'b.txt', 4)] }),
  )
  const { openai } = setup.server
  const failing = await openai.beta.threads.create({
    messages: [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
    ],
  })
  await importInto(
    setup.server,
    setup.folder.write({
      'a.json': message(failing.id, 'msg_image', 2_000_000_000, {
        content: [{ type: 'image_file', image_file: { file_id: 'file-1' } }],
      }),
    }),
  )
  const { id } = await openai.beta.assistants.create({ model: 'gpt-4o' })
  const failed = await openai.beta.threads.runs.createAndPoll(
    failing.id,
    { assistant_id: id },
    { pollIntervalMs: 20 },
  )
  expect(failed.last_error?.message).toContain('the content of that file was not imported')
  setup.server.complaints.splice(0)
  const added = await openai.vectorStores.create({ file_ids: ['file-2'] })
  const poll = await openai.vectorStores.files.poll(added.id, 'file-2', { pollIntervalMs: 50 })
  expect(poll.last_error?.message).toBe('The content of the file was not imported.')
  expect(await openai.files.delete('file-2')).toMatchObject({ deleted: true })
  expect((await openai.files.list()).data.map((one) => one.id)).toEqual(['file-1'])
})

test('contents in the same folder are found by id, in a zip too', async () => {
  const zip = zipSync({
    'export/objects.json': strToU8(
      JSON.stringify([file('file-h', 'heron.txt', heron.length), store, stored]),
    ),
    'export/file-h.txt': strToU8(heron),
  })
  writeFileSync(join(setup.folder.path, 'export.zip'), zip)
  const report = await importInto(setup.server, join(setup.folder.path, 'export.zip'))
  expect(report.contents).toMatchObject({ imported: 1, missing: 0 })
  const done = await setup.server.openai.vectorStores.files.poll('vs_1', 'file-h', { pollIntervalMs: 50 })
  expect(done).toMatchObject({ status: 'completed', created_at: 1_710_000_201 })
  await expect(
    importInto(setup.server, join(setup.folder.path, 'export.zip'), { maxUnpackedBytes: 20 }),
  ).rejects.toThrow('The zip holds more than 20 bytes.')
})
