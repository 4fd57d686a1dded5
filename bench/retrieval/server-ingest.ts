/**
 * `npm run bench:retrieval -- ingest [COUNT]`: ingests files in a whole server with its embedded database. Measures how long
 * it takes until words and vectors find a document of 100 pages, and how long the file of another store waits while there
 * are many small ones. SPOOL_DEFAULT_EMBEDDER and SPOOL_DATA_DIR (with `models` in it) choose the embedder.
 */
import { symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import OpenAI, { toFile } from 'openai'
import { openApp } from '../../src/app/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { systemClock } from '../../src/util/clock.ts'
import { pdf } from '../../test/documents/make-files.ts'
import { pagesOf } from './speed.ts'

const pages = 100
const uploadsAtOnce = 16

/** Prints a table. `smallFiles`: the number of small files. */
export async function measureServerIngest(smallFiles: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'spool-bench-'))
  const { SPOOL_DEFAULT_EMBEDDER, SPOOL_DATA_DIR } = process.env
  if (SPOOL_DATA_DIR) {
    for (const name of ['models', 'node_modules'])
      symlinkSync(join(resolve(SPOOL_DATA_DIR), name), join(folder, name))
  }
  const config = readConfig(
    {},
    {
      SPOOL_DATA_DIR: folder,
      PORT: '0',
      SPOOL_SANDBOX: 'off',
      SPOOL_DISCOVERY: '0',
      ...(SPOOL_DEFAULT_EMBEDDER && { SPOOL_DEFAULT_EMBEDDER }),
    },
  )
  const app = await openApp(config, { log: () => {}, clock: systemClock })
  try {
    const openai = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'bench', timeout: 600_000 })
    console.log(`### A whole server, ${app.retrieval.embedder.id}\n\n| what | seconds |\n|---|---|`)
    const row = (what: string, ms: number) => console.log(`| ${what} | ${(ms / 1000).toFixed(1)} |`)
    await ingestPages(openai, row)
    await ingestMany(openai, smallFiles, row)
  } finally {
    await app.close()
    await rm(folder, { recursive: true, force: true })
  }
}

type Row = (what: string, ms: number) => void

async function ingestPages(openai: OpenAI, row: Row): Promise<void> {
  const content = Buffer.from(pdf([...pagesOf(pages - 1), 'The zymurgist keeps the last page.']))
  const file = await openai.files.create({ file: await toFile(content, 'pages.pdf'), purpose: 'assistants' })
  const store = await openai.vectorStores.create({})
  const start = performance.now()
  await openai.vectorStores.files.create(store.id, { file_id: file.id })
  for (let isFound = false; !isFound; await wait(50)) {
    const page = await openai.vectorStores.search(store.id, { query: 'zymurgist' })
    isFound = page.data.length > 0
  }
  row(`${pages} pages of 500 words, until words find the last`, performance.now() - start)
  await openai.vectorStores.files.poll(store.id, file.id, { pollIntervalMs: 100 })
  row(`${pages} pages of 500 words, until meaning finds them`, performance.now() - start)
}

async function ingestMany(openai: OpenAI, smallFiles: number, row: Row): Promise<void> {
  const ids: string[] = []
  const upload = async (at: number) => {
    const file = await toFile(Buffer.from(`Note ${at}: the valve of boiler ${at} was replaced.`), `${at}.txt`)
    ids.push((await openai.files.create({ file, purpose: 'assistants' })).id)
  }
  for (let at = 0; at < smallFiles; at += uploadsAtOnce)
    await Promise.all(Array.from({ length: uploadsAtOnce }, (_, index) => upload(at + index)))
  const [many, other] = [await openai.vectorStores.create({}), await openai.vectorStores.create({})]
  const start = performance.now()
  for (let at = 0; at < ids.length; at += 500) {
    const file_ids = ids.slice(at, at + 500)
    await openai.vectorStores.fileBatches.create(many.id, { file_ids })
  }
  await wait(1000)
  const one = await openai.files.create({
    file: await toFile(Buffer.from('The ferry leaves at noon.'), 'one.txt'),
    purpose: 'assistants',
  })
  const attached = performance.now()
  await openai.vectorStores.files.create(other.id, { file_id: one.id })
  await openai.vectorStores.files.poll(other.id, one.id, { pollIntervalMs: 50 })
  row(`a file of another store, beside ${smallFiles} small ones`, performance.now() - attached)
  for (;;) {
    const { file_counts } = await openai.vectorStores.retrieve(many.id)
    if (file_counts.in_progress === 0) break
    await wait(200)
  }
  row(`${smallFiles} small files of one store`, performance.now() - start)
}
