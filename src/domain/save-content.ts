/** Streams the bytes of a file, or of a part of an upload, into the blob store. */
import { Transform, pipeline, type Readable, type TransformCallback } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { errors, type ApiError } from '../api/errors.ts'
import type { Queryable } from '../database/database.ts'
import { transactionOnce } from '../database/retry.ts'
import { adoptBlob, holdBlob } from '../sql/blobs.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Content that is in the blob store and that no row refers to yet. */
export interface SavedContent {
  sha256: string
  bytes: number
  image_type: string | null
}

interface ContentRules {
  /** The error for content above the limit; it is thrown at the first byte above it. */
  limit?: { bytes: number; error: ApiError }
  /** The error for empty content. Absent where that is allowed. */
  empty?: ApiError
}

const retryMs = 100

/** Rejects with the error of the source or of the rules. The source is destroyed in every case. */
export async function saveContent(
  context: Pick<Context, 'blobs' | 'clock' | 'db'>,
  source: Readable,
  rules: ContentRules,
): Promise<SavedContent> {
  const check = new ContentCheck(rules)
  // An error reaches `put` through `check`. Without the callback it would also be an unhandled error.
  pipeline(source, check, () => undefined)
  const blob = await context.blobs.put(check)
  await transactionOnce(context.db, async (tx) => {
    await adoptBlob(tx, blob, nowSeconds(context.clock))
    // The blob may have existed before, and the collector may have deleted it before it was locked.
    if (!(await isStored(context, blob.sha256))) throw collected()
  })
  return { ...blob, image_type: imageTypeOf(check.head) }
}

/** Locks saved content, so that the same transaction can add a row with it. */
export async function holdContent(tx: Queryable, sha256: string): Promise<void> {
  if (!(await holdBlob(tx, sha256))) throw collected()
}

function collected(): ApiError {
  return errors.unavailable('an old copy of the same content was just being removed', retryMs)
}

async function isStored({ blobs }: Pick<Context, 'blobs'>, sha256: string): Promise<boolean> {
  const first = await blobs.get(sha256, { start: 0, end: 0 })
  if (!first) return false
  await buffer(first)
  return true
}

/** Counts the bytes that pass through, enforces the limit and keeps the first bytes. */
class ContentCheck extends Transform {
  head: Buffer = Buffer.alloc(0)
  #bytes = 0
  readonly #rules: ContentRules

  constructor(rules: ContentRules) {
    super()
    this.#rules = rules
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    const { limit } = this.#rules
    this.#bytes += chunk.length
    if (limit && this.#bytes > limit.bytes) {
      done(limit.error)
      return
    }
    if (this.head.length < signatureBytes) {
      this.head = Buffer.concat([this.head, chunk.subarray(0, signatureBytes - this.head.length)])
    }
    done(null, chunk)
  }

  override _flush(done: TransformCallback): void {
    done(this.#bytes === 0 ? (this.#rules.empty ?? null) : null)
  }
}

/** The number of bytes at the beginning of a file that show the type of an image. */
const signatureBytes = 12

/** The media type of an image that models can read, else null. The file name is ignored. */
function imageTypeOf(head: Buffer): string | null {
  const isAt = (start: number, text: string) =>
    head.subarray(start, start + text.length).toString('latin1') === text
  if (isAt(0, '\x89PNG\r\n\x1a\n')) return 'image/png'
  if (isAt(0, '\xff\xd8\xff')) return 'image/jpeg'
  if (isAt(0, 'GIF87a') || isAt(0, 'GIF89a')) return 'image/gif'
  if (isAt(0, 'RIFF') && isAt(8, 'WEBP')) return 'image/webp'
  return null
}
