/** The `fetch` of the provider packages, which set no limits to what a server sends. */
import { errorMs, longestError, longestEvent, longestWhole } from '../limits.ts'
import { brokenAnswer } from '../openai/failure.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Follows no redirect: it could send the key, which may be in any header, to another server. */
export const limitedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, { ...init, redirect: 'manual' })
  const { body, status, statusText, headers } = response
  if (body === null) return response
  const limited = response.ok ? body.pipeThrough(limitOfAnswer(headers)) : await startOf(body)
  return new Response(limited, { status, statusText, headers })
}

/**
 * Passes bytes on until an event is too long, which ends with an empty line. Other formats have limits for a line and for
 * the whole.
 */
function limitOfAnswer(headers: Headers): TransformStream<Bytes, Bytes> {
  const hasEvents = headers.get('content-type')?.includes('text/event-stream') === true
  const longest = hasEvents ? longestEvent : longestWhole
  let line = 0
  let event = 0
  return new TransformStream({
    transform(bytes, controller) {
      for (const byte of bytes) {
        if (byte === 0x0a) {
          if (line === 0 && hasEvents) event = 0
          line = 0
        } else if (byte !== 0x0d) {
          line += 1
        }
        event += 1
      }
      if (line > longestEvent || event > longest) throw brokenAnswer('an event without end')
      controller.enqueue(bytes)
    },
  })
}

/** The body of an error as far as it arrives: a broken or slow body must not hide the status. */
async function startOf(body: ReadableStream<Bytes>): Promise<Blob> {
  const reader = body.getReader()
  const close = () => void reader.cancel().catch(() => {})
  const timer = setTimeout(close, errorMs)
  const pieces: Bytes[] = []
  let length = 0
  try {
    while (length < longestError) {
      const { value } = await reader.read()
      if (value === undefined) break
      pieces.push(value)
      length += value.length
    }
  } catch {
    // The connection broke.
  }
  clearTimeout(timer)
  close()
  return new Blob(pieces).slice(0, longestError)
}
