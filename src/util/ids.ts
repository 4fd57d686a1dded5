/** Ids in the format of the live API: a prefix and random characters. */
import { randomBytes } from 'node:crypto'

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The prefix of the ids of each kind of object. */
export const idPrefixes = {
  assistant: 'asst_',
  thread: 'thread_',
  message: 'msg_',
  run: 'run_',
  step: 'step_',
  call: 'call_',
  file: 'file-',
  completion: 'chatcmpl-',
} as const

/** A prefix and 24 letters or digits, for example `asst_…`; used for every id except those of `newHexId`. */
export function newId(kind: keyof typeof idPrefixes): string {
  return idPrefixes[kind] + randomBase62(kind === 'file' ? 22 : 24)
}

/** Prefixes whose ids end in 32 hex digits, the first eight of them the Unix second. */
export type HexIdPrefix = 'vs_' | 'vsfb_' | 'upload_' | 'part_' | 'req_' | 'worker_' | 'work_'

/** `vs_` and 32 hex digits: 8 of time, 24 random. Ids of requests, workers and their work contain no time. */
export function newHexId(prefix: HexIdPrefix, nowSeconds?: number): string {
  const time = nowSeconds === undefined ? '' : nowSeconds.toString(16).padStart(8, '0')
  return prefix + time + randomBytes(16).toString('hex').slice(time.length)
}

function randomBase62(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length + 8)) {
      // 248 is the largest multiple of 62 in a byte. Bytes above it would make some letters more likely.
      if (byte < 248 && text.length < length) text += base62[byte % 62]
    }
  }
  return text
}
