import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '../src/config/config.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-config-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function read(file: object, environment: Record<string, string> = {}) {
  const path = join(folder, 'spool.config.json')
  writeFileSync(path, JSON.stringify(file))
  return readConfig({ SPOOL_CONFIG: path, ...environment })
}

test('files live under the data folder unless the config file says where', () => {
  expect(read({ data_dir: 'here' }).blobs).toEqual({ type: 'disk', folder: join(folder, 'here/blobs') })
  expect(read({}, { SPOOL_DATA_DIR: '/there' }).blobs).toEqual({ type: 'disk', folder: '/there/blobs' })
  const blobs = { type: 'disk', folder: 'contents' }
  expect(read({ blobs }).blobs).toEqual({ type: 'disk', folder: join(folder, 'contents') })
})

test('the keys of a bucket may stand in the environment', () => {
  const blobs = {
    type: 's3',
    endpoint: 'http://minio:9000',
    bucket: 'spool',
    region: 'us-east-1',
    access_key_id: 'me',
    secret_access_key: '${BUCKET_SECRET}',
  }
  expect(read({ blobs }, { BUCKET_SECRET: 'hush' }).blobs).toMatchObject({ secret_access_key: 'hush' })
})

test('a mistyped setting of the blob store is told with the nearest right one', () => {
  expect(() => read({ blobs: { type: 'disk', foldr: 'x', folder: 'y' } })).toThrow(
    "unknown key 'blobs.foldr'. Did you mean 'folder'?",
  )
  expect(() => read({ blob: {} })).toThrow("unknown key 'blob'. Did you mean 'blobs'?")
})

test('a key that was removed is refused with what replaces it', () => {
  expect(() => read({ vector_index: 'pgvector' })).toThrow(
    "the key 'vector_index' was removed: vectors are compared in this process; 'search_memory_mb' says how many it " +
      'keeps in memory.',
  )
})

test('the size of files and who may download them can be set', () => {
  expect(read({})).toMatchObject({ maxFileBytes: 512 * 1024 * 1024, allowAllDownloads: false })
  expect(read({ max_file_mb: 2, allow_all_downloads: true })).toMatchObject({
    maxFileBytes: 2 * 1024 * 1024,
    allowAllDownloads: true,
  })
  const environment = { SPOOL_ALLOW_ALL_DOWNLOADS: '0' }
  expect(read({ allow_all_downloads: true }, environment).allowAllDownloads).toBe(false)
})
