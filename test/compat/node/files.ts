/** Files and uploads. */
import assert from 'node:assert/strict'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { textFile } from './make.ts'
import type { Chapters } from './story.ts'

export const files: Chapters = {
  files: async ({ openai, calls, version }) => {
    const made = await openai.files.create({
      file: await textFile('notes 你好.txt', 'Some words.'),
      purpose: 'assistants',
    })
    assert.match(made.id, /^file-/)
    assert.deepEqual([made.filename, made.bytes, made.purpose], ['notes 你好.txt', 11, 'assistants'])
    assert.equal((await openai.files.waitForProcessing(made.id)).status, 'processed')
    assert.deepEqual(await openai.files.retrieve(made.id), made)
    await assert.rejects(openai.files.content(made.id), {
      status: 400,
      message: '400 Not allowed to download files of purpose: assistants',
    })

    const folder = mkdtempSync(join(tmpdir(), 'spool-compat-'))
    const path = join(folder, 'lines.jsonl')
    writeFileSync(path, '{"n":1}\n')
    const lines = await openai.files.create({ file: createReadStream(path), purpose: 'batch' })
    rmSync(folder, { recursive: true })
    assert.equal(lines.filename, 'lines.jsonl')
    assert.equal(await (await openai.files.content(lines.id)).text(), '{"n":1}\n')
    // Only version 4 has this one, which reads the content as text.
    if (version.startsWith('4.'))
      assert.equal(await (openai.files as any).retrieveContent(lines.id), '{"n":1}\n')

    const listed: string[] = []
    for await (const file of openai.files.list({ limit: 1, order: 'asc' })) listed.push(file.id)
    assert.deepEqual(listed.slice(listed.indexOf(made.id)), [made.id, lines.id])
    const ofPurpose = await openai.files.list({ purpose: 'batch' })
    assert.ok(ofPurpose.data.every(({ purpose }) => purpose === 'batch'))
    assert.equal((await calls.deleteFile(made.id)).deleted, true)
    assert.equal((await calls.deleteFile(lines.id)).deleted, true)
    await assert.rejects(openai.files.retrieve(made.id), {
      status: 404,
      message: `404 No such File object: ${made.id}`,
    })
  },

  uploads: async ({ openai, calls }) => {
    const begin = () =>
      openai.uploads.create({ filename: 'big.jsonl', bytes: 12, mime_type: 'text/jsonl', purpose: 'batch' })
    const upload = await begin()
    assert.equal(upload.status, 'pending')
    const first = await openai.uploads.parts.create(upload.id, { data: await textFile('part', '{"a":1}\n') })
    const second = await openai.uploads.parts.create(upload.id, { data: await textFile('part', '{} \n') })
    const done = await openai.uploads.complete(upload.id, { part_ids: [first.id, second.id] })
    assert.equal(done.status, 'completed')
    const id = done.file?.id ?? ''
    assert.equal(await (await openai.files.content(id)).text(), '{"a":1}\n{} \n')
    await calls.deleteFile(id)
    assert.equal((await openai.uploads.cancel((await begin()).id)).status, 'cancelled')
  },
}
