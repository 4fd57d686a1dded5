/** A process that works on a blob store and reports to its parent in lines; tests measure, kill or stop it. */
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { openBlobStore } from '../../src/blobs/open.ts'

const [job, settings] = process.argv.slice(2)
const store = await openBlobStore(JSON.parse(settings ?? ''))
const chunk = randomBytes(65_536)

if (job === 'stall') {
  await store.put(Readable.from(stalling()))
} else if (job === 'put') {
  console.log((await store.put(Readable.from(chunks(128)))).sha256)
} else {
  console.log(JSON.stringify(await measure()))
}
await store.close()

/** Half a blob and no end. The timer keeps the process running until it is killed. */
async function* stalling(): AsyncGenerator<Buffer> {
  yield* chunks(32)
  setInterval(() => {}, 1000)
  console.log('half')
  await new Promise(() => {})
}

async function measure() {
  // Once before, so that loading code and the garbage of a steady stream do not count.
  await copy(256)
  const before = process.memoryUsage().rss
  let highest = before
  const timer = setInterval(() => void (highest = Math.max(highest, process.memoryUsage().rss)), 2)
  const copied = await copy(1024)
  clearInterval(timer)
  return { ...copied, growthMb: Math.round((highest - before) / 1024 / 1024) }
}

/** Stores and reads back that many chunks of 64 KiB. */
async function copy(count: number) {
  const { sha256, bytes } = await store.put(Readable.from(chunks(count)))
  const hash = createHash('sha256')
  for await (const part of (await store.get(sha256)) ?? []) hash.update(part)
  return { put: sha256, got: hash.digest('hex'), bytes }
}

async function* chunks(count: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) {
    // A new buffer each time, as from a socket: a store that keeps them all is then seen to grow.
    yield Buffer.from(chunk)
    // Lets the timer take its sample.
    if (index % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}
