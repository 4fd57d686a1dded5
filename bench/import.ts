/** Measures how fast messages are imported: lines of JSON into the embedded database of a new folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { printTable } from './report.ts'

const messages = Number(process.argv[2] ?? 1_000_000)
const ofThread = 20

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'spool-bench-import-'))
  try {
    const dump = join(folder, 'messages.ndjson')
    await writeDump(dump)
    const oldestFirst = await timeOfImport(dump, join(folder, 'data'))
    const again = await timeOfImport(dump, join(folder, 'data'))
    const rate = (seconds: number) => `${seconds.toFixed(1)} s, ${(messages / seconds).toFixed(0)} a second`
    printTable(`import of ${messages} messages in threads of ${ofThread}`, [
      ['into an empty folder', rate(oldestFirst)],
      ['the same again', rate(again)],
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function writeDump(path: string): Promise<void> {
  const output = createWriteStream(path)
  for (let index = 0; index < messages; index += 1) {
    if (!output.write(`${JSON.stringify(messageAt(index))}\n`)) await once(output, 'drain')
  }
  output.end()
  await finished(output)
}

function messageAt(index: number): object {
  const isUser = index % 2 === 0
  const value = `Message ${index}. The heron waits in shallow water, and the stones lie in the sun. `.repeat(
    3,
  )
  return {
    id: `msg_${String(index).padStart(24, '0')}`,
    object: 'thread.message',
    created_at: 1_700_000_000 + index,
    assistant_id: isUser ? null : 'asst_000000000000000000000001',
    thread_id: `thread_${String(Math.floor(index / ofThread)).padStart(24, '0')}`,
    run_id: null,
    role: isUser ? 'user' : 'assistant',
    content: [{ type: 'text', text: { value, annotations: [] } }],
    attachments: [],
    metadata: {},
  }
}

/** Seconds from the start of the process to its end, including the start of the database. */
async function timeOfImport(dump: string, dataDir: string): Promise<number> {
  const startMs = performance.now()
  const main = resolve(import.meta.dirname, '../dist/main.js')
  const child = spawn(process.execPath, [main, 'import', dump, '--data-dir', dataDir], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number]
  if (code !== 0) throw new Error(`the import ended with code ${code}`)
  return (performance.now() - startMs) / 1000
}

await main()
