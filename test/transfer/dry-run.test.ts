/** A dry run reports what the import would do. */
import { strToU8, zipSync } from 'fflate'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { file, importInto, makeFolder, setUpEach } from './fixtures.ts'

const setup = setUpEach({ scriptedEmbedder: true })

const dryRun = { dryRun: true }

test('contents that are present are not counted again, and those that are still missing are', async () => {
  setup.folder.write({
    'list.json': [file('file-a', 'a.txt', 3), file('file-b', 'b.txt', 4), file('file-c', 'c.txt', 5)],
    'a.txt': 'aaa',
  })
  for (const options of [dryRun, {}]) {
    const { contents } = await importInto(setup.server, setup.folder.path, options)
    expect(contents).toMatchObject({ imported: 1, missing: 2 })
  }
  const empty = { imported: 0, missing: 2, missing_examples: ['file-b', 'file-c'] }
  expect((await importInto(setup.server, setup.folder.path, dryRun)).contents).toMatchObject(empty)
  // Contents alone, for a file of an earlier import.
  const other = makeFolder()
  other.write({ 'b.txt': 'bbbb' })
  for (const options of [dryRun, {}]) {
    const { contents } = await importInto(setup.server, other.path, options)
    expect(contents).toMatchObject({ imported: 1, missing: 1 })
  }
  other.remove()
})

const zip = zipSync({ 'a.json': strToU8('{}') })
const innerZip = { kind: 'value', reason: expect.stringMatching(/^it is a zip inside the import/) }

test('a zip that is the content of a file is not reported as unopened, another zip is', async () => {
  setup.folder.write({
    'list.json': [file('file-z', 'data.zip', zip.length), file('file-y', 'y', zip.length)],
  })
  writeFileSync(join(setup.folder.path, 'data.zip'), zip)
  writeFileSync(join(setup.folder.path, 'other.zip'), zip)
  mkdirSync(join(setup.folder.path, 'file-y'))
  writeFileSync(join(setup.folder.path, 'file-y', 'content.zip'), zip)
  for (const options of [dryRun, {}, dryRun, {}]) {
    const { skipped } = await importInto(setup.server, setup.folder.path, options)
    expect(skipped).toMatchObject([{ ...innerZip, count: 1, examples: ['other.zip'] }])
  }
})

test('the files of a store are compared with those that are there, also over many batches', async () => {
  const ids = Array.from({ length: 2500 }, (_, at) => `file-${at}`)
  const entry = (id: string) => ({
    id,
    object: 'vector_store.file',
    created_at: 1_710_000_200,
    vector_store_id: 'vs_1',
    status: 'completed',
    last_error: null,
    attributes: {},
  })
  const store = { id: 'vs_1', object: 'vector_store', created_at: 1_710_000_100, name: 'S', metadata: {} }
  const files = ids.map((id) => file(id, `${id}.txt`, 1))
  setup.folder.write({ 'all.json': [store, ...files, ...ids.slice(0, 2400).map(entry)] })
  const counts = async (options: object) => {
    const { kinds } = await importInto(setup.server, setup.folder.path, options)
    return kinds.vector_store_file
  }
  expect(await counts(dryRun)).toMatchObject({ imported: 2400, already_there: 0 })
  expect(await counts({})).toMatchObject({ imported: 2400, already_there: 0 })
  // The last one is named twice, in two batches.
  setup.folder.write({ 'all.json': [store, ...files, entry('file-2499'), ...ids.map(entry)] })
  expect(await counts(dryRun)).toMatchObject({ imported: 100, already_there: 2401 })
  expect(await counts({})).toMatchObject({ imported: 100, already_there: 2401 })
})
