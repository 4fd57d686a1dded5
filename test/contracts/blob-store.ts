/** What every blob store must do; a driver's test opens one and calls this. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBlobStore } from '../../src/blobs/open.ts'
import type { BlobStore } from '../../src/blobs/port.ts'
import type { BlobStoreSettings } from '../../src/blobs/settings.ts'

export interface BlobStoreUnderTest {
  settings: BlobStoreSettings
  /** The names of all blobs that a reader of the store could see, also without this process. */
  visible(): Promise<string[]>
  /** Files that an unfinished put left where it gathers its bytes. */
  debris(): Promise<string[]>
  close(): Promise<void>
}

/** Growth of a process that stores and reads 64 MB; a copy of the blob in memory would be above it. */
const allowedGrowthMb = 48

export function blobStoreContract(driver: string, start: () => Promise<BlobStoreUnderTest>): void {
  describe(`the ${driver} driver`, () => {
    let place: BlobStoreUnderTest
    let store: BlobStore
    beforeAll(async () => void (place = await start()))
    beforeEach(async () => void (store = await openBlobStore(place.settings)))
    afterEach(() => store.close())
    afterAll(() => place.close())

    test.each([0, 1, 65_537, 5_000_000])('a blob of %i bytes comes back as it was', async (bytes) => {
      const content = randomBytes(bytes)
      expect(await store.put(Readable.from([content]))).toEqual({ sha256: hashOf(content), bytes })
      expect(inShort(await read(store, hashOf(content)))).toBe(inShort(content))
      expect(await place.debris()).toEqual([])
    })

    test('a source of many uneven chunks and of text is stored as its bytes', async () => {
      const chunks = ['grün ', randomBytes(3).toString('hex'), ' ', 'x'.repeat(100_000), '', ' end']
      const content = Buffer.from(chunks.join(''))
      expect(await store.put(Readable.from(chunks))).toEqual({
        sha256: hashOf(content),
        bytes: content.length,
      })
      expect(inShort(await read(store, hashOf(content)))).toBe(inShort(content))
    })

    test('64 MB are written and read without being held in memory', async () => {
      const child = startChild(place.settings, 'measure')
      const [line] = (await once(child.lines, 'line')) as [string]
      await child.ended
      const { put, got, bytes, growthMb } = JSON.parse(line)
      expect(bytes).toBe(64 * 1024 * 1024)
      expect(got).toBe(put)
      console.log(`${driver}: 64 MB in and out, the process grew by ${growthMb} MB`)
      expect(growthMb).toBeLessThan(allowedGrowthMb)
    })

    test('a range returns exactly its bytes, and fewer or none after the end', async () => {
      const content = randomBytes(300_000)
      const { sha256 } = await store.put(Readable.from([content]))
      const range = (start: number, end: number) => read(store, sha256, { start, end })
      expect(inShort(await range(0, 0))).toBe(inShort(content.subarray(0, 1)))
      expect(inShort(await range(0, 299_999))).toBe(inShort(content))
      expect(inShort(await range(70_000, 200_000))).toBe(inShort(content.subarray(70_000, 200_001)))
      expect(inShort(await range(299_999, 299_999))).toBe(inShort(content.subarray(299_999)))
      expect(inShort(await range(299_990, 1_000_000))).toBe(inShort(content.subarray(299_990)))
      expect(inShort(await range(300_000, 300_010))).toBe(inShort(Buffer.alloc(0)))
    })

    test('a range of an empty blob is empty', async () => {
      const { sha256 } = await store.put(Readable.from([]))
      expect(inShort(await read(store, sha256, { start: 0, end: 9 }))).toBe(inShort(Buffer.alloc(0)))
    })

    test('an invalid range is refused', async () => {
      const { sha256 } = await store.put(Readable.from(['abc']))
      for (const [start, end] of [
        [-1, 2],
        [2, 1],
        [0.5, 1],
        [0, Number.NaN],
      ] as const) {
        await expect(store.get(sha256, { start, end })).rejects.toThrow('a range must have')
      }
    })

    test('a blob that was never stored is undefined', async () => {
      expect(await store.get(hashOf(randomBytes(8)))).toBeUndefined()
      expect(await store.get(hashOf(randomBytes(8)), { start: 0, end: 1 })).toBeUndefined()
    })

    test('a name that is not a SHA-256 hash is refused', async () => {
      const names = [
        '',
        'identity',
        '../identity',
        `../${'a'.repeat(61)}`,
        'A'.repeat(64),
        `${'a'.repeat(64)}\n`,
      ]
      for (const wrong of names) {
        await expect(store.get(wrong)).rejects.toThrow('must be 64 lower-case hex digits')
        await expect(store.remove(wrong)).rejects.toThrow('must be 64 lower-case hex digits')
      }
    })

    test('an abort in mid-stream rejects with its reason and leaves nothing', async () => {
      const before = await place.visible()
      const abort = new AbortController()
      const source = endless()
      const stored = store.put(source, abort.signal)
      await source.taken
      const reason = new Error('the client went away')
      abort.abort(reason)
      await expect(stored).rejects.toBe(reason)
      expect(source.destroyed).toBe(true)
      expect(await place.visible()).toEqual(before)
      expect(await place.debris()).toEqual([])
    })

    test('a put that was aborted before it started reads and stores nothing', async () => {
      const before = await place.visible()
      const source = endless()
      const reason = new Error('never mind')
      await expect(store.put(source, AbortSignal.abort(reason))).rejects.toBe(reason)
      expect(source.destroyed).toBe(true)
      expect(await place.visible()).toEqual(before)
      expect(await place.debris()).toEqual([])
    })

    test('a source that fails in mid-stream rejects with its own error and leaves nothing', async () => {
      const before = await place.visible()
      const failure = new Error('the disk of the client broke')
      const source = Readable.from(
        (async function* () {
          yield randomBytes(200_000)
          throw failure
        })(),
      )
      await expect(store.put(source)).rejects.toBe(failure)
      expect(await place.visible()).toEqual(before)
      expect(await place.debris()).toEqual([])
    })

    test('a source that fails or closes before it is read rejects too', async () => {
      const before = await place.visible()
      const failing = endless()
      const failed = store.put(failing)
      const failure = new Error('gone at once')
      failing.destroy(failure)
      await expect(failed).rejects.toBe(failure)
      const closing = endless()
      const closed = store.put(closing)
      closing.destroy()
      await expect(closed).rejects.toThrow('Premature close')
      expect(await place.visible()).toEqual(before)
      expect(await place.debris()).toEqual([])
    })

    test('content that is stored several times at once is complete and stored once', async () => {
      const before = await place.visible()
      const content = randomBytes(700_000)
      const other = await openBlobStore(place.settings)
      const abort = new AbortController()
      const stopped = store.put(Readable.from(pieces(content)), abort.signal).catch(() => 'stopped')
      abort.abort()
      const puts = [store, other, store, other, store, other].map((by) =>
        by.put(Readable.from(pieces(content))),
      )
      const sha256 = hashOf(content)
      expect(await Promise.all(puts)).toEqual(puts.map(() => ({ sha256, bytes: content.length })))
      expect(await stopped).toBe('stopped')
      expect(inShort(await read(other, sha256))).toBe(inShort(content))
      expect(await place.visible()).toEqual([...before, sha256].sort())
      expect(await place.debris()).toEqual([])
      await other.close()
    })

    test('a removed blob can be removed again without an error, and can be stored again', async () => {
      const content = randomBytes(1000)
      const { sha256 } = await store.put(Readable.from([content]))
      await store.remove(sha256)
      expect(await store.get(sha256)).toBeUndefined()
      expect(await place.visible()).not.toContain(sha256)
      await store.remove(sha256)
      await store.remove(hashOf(randomBytes(8)))
      await store.put(Readable.from([content]))
      expect(inShort(await read(store, sha256))).toBe(inShort(content))
    })

    test('a blob store that is opened again has the same identity and blobs', async () => {
      const content = randomBytes(1000)
      const { sha256 } = await store.put(Readable.from([content]))
      const identity = await store.identity()
      await store.close()
      store = await openBlobStore(place.settings)
      expect(identity).not.toBe('')
      expect(await store.identity()).toBe(identity)
      expect(inShort(await read(store, sha256))).toBe(inShort(content))
    })

    test('a process killed in the middle of a put leaves no blob', async () => {
      const before = await place.visible()
      const child = startChild(place.settings, 'stall')
      const [line] = (await once(child.lines, 'line')) as [string]
      expect(line).toBe('half')
      child.kill()
      await child.ended
      expect(await place.visible()).toEqual(before)
      const again = await openBlobStore(place.settings)
      expect(await place.visible()).toEqual(before)
      await again.close()
    })
  })
}

export function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

export async function read(
  store: BlobStore,
  sha256: string,
  range?: { start: number; end: number },
): Promise<Buffer | undefined> {
  const stream = await store.get(sha256, range)
  return stream && buffer(stream)
}

/** Length and hash: comparing megabytes byte by byte takes the test runner seconds. */
export function inShort(content: Buffer | undefined): string {
  return content === undefined ? 'not there' : `${content.length} bytes ${hashOf(content)}`
}

/** A process that works on the same blob store: test/blobs/child.ts. */
export function startChild(settings: BlobStoreSettings, job: 'measure' | 'stall' | 'put') {
  const script = new URL('../blobs/child.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--import', 'tsx', script, job, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)
  return { lines, ended: once(child, 'exit'), kill: () => child.kill('SIGKILL') }
}

/** A source without end; `taken` resolves when a good part of it has been read. */
function endless(): Readable & { taken: Promise<void> } {
  const chunk = randomBytes(65_536)
  let reads = 0
  let tell = () => {}
  const taken = new Promise<void>((resolve) => void (tell = resolve))
  const source = new Readable({
    read() {
      reads++
      if (reads > 10) tell()
      // Not at once: a source that is always ready would leave no turn to the abort.
      setImmediate(() => this.push(chunk))
    },
  })
  return Object.assign(source, { taken })
}

function pieces(content: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < content.length; at += 50_000) found.push(content.subarray(at, at + 50_000))
  return found
}
