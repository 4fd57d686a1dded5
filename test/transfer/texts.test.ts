/** Texts of files whose content was not imported. They are exported, backed up and deleted like contents. */
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { writeBackup } from '../../src/backup/write-backup.ts'
import { openBlobStore } from '../../src/blobs/open.ts'
import { migrate, newestMigration } from '../../src/database/migrate.ts'
import { exportObjects } from '../../src/transfer/export.ts'
import { testDatabase } from '../harness/database.ts'
import { testServer } from '../harness/server.ts'
import { store, storeFile } from './account.ts'
import { file, importInto, makeFolder } from './fixtures.ts'

const migrations = resolve(import.meta.dirname, '../../src/database/migrations')

test('an export and a backup have the text of a file, and its deletion releases it', async () => {
  const folder = makeFolder()
  const server = await testServer({ scriptedEmbedder: true })
  const { db } = server
  const blobs = await openBlobStore(server.config.blobs, { minFreeBytes: 0 })
  try {
    folder.write({
      'in/files.json': [file('file-a', 'a.pdf', 99), file('file-b', 'b.pdf', 99)],
      'in/vector_stores.json': [{ ...store('vs_1'), files: [storeFile('vs_1', 'file-a')] }],
      'in/texts/file-a.txt': 'The text of a.',
    })
    const report = await importInto(server, join(folder.path, 'in'))
    expect(report.contents).toMatchObject({ imported: 0, missing: 2, texts: 1 })

    const target = join(folder.path, 'out')
    const exporting = {
      folder: target,
      project: 'default',
      format: 'assistants',
      exportedAt: '',
      now: 0,
    } as const
    expect(await exportObjects({ db, blobs }, exporting)).toMatchObject({ files: 2, missing_contents: 2 })
    expect(readFileSync(join(target, 'texts/file-a.txt'), 'utf8')).toBe('The text of a.')
    expect(existsSync(join(target, 'texts/file-b.txt'))).toBe(false)

    const archive = join(folder.path, 'backup.tar.gz')
    await writeBackup(createWriteStream(archive), {
      db,
      blobs,
      version: '1',
      createdAt: '2026-11-28T00:00:00Z',
    })
    const restored = await testDatabase({ from: 'empty' })
    const other = await openBlobStore(
      { type: 'disk', folder: join(folder.path, 'blobs') },
      { minFreeBytes: 0 },
    )
    await restoreBackup(createReadStream(archive), {
      blobs: other,
      newestMigration: newestMigration(migrations),
      openDatabase: async (migration) => {
        await migrate(restored.db, migrations, migration)
        return restored.db
      },
    })
    const rows = await restored.db.query<{ text_sha256: string | null }>({
      text: 'select text_sha256 from files order by id',
    })
    expect(rows.map(({ text_sha256 }) => typeof text_sha256)).toEqual(['string', 'object'])
    expect(await textOf((await other.get(rows[0]?.text_sha256 ?? ''))!)).toBe('The text of a.')
    await other.close()
    await restored.drop()

    await server.openai.files.delete('file-a')
    expect(await db.query({ text: 'select sha256 from blobs where released_at is null' })).toEqual([])
  } finally {
    await blobs.close()
    await server.close()
    folder.remove()
  }
})
