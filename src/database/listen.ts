/** LISTEN on a separate connection that is opened again after it was lost. */
import pg from 'pg'
import { sleep } from '../util/abort.ts'
import type { Log } from '../util/log.ts'
import { openClient } from './client.ts'
import { translateError } from './errors.ts'

interface Listener {
  onNotify: (payload: string) => void
  onReconnect: () => void
  log: Log
}

const firstRetryMs = 50
const longestRetryMs = 1_000

/** Resolves once the server listens; the returned function stops it for good. */
export async function listen(
  config: pg.ClientConfig,
  channel: string,
  listener: Listener,
): Promise<() => Promise<void>> {
  const stop = new AbortController()
  let current = await subscribe(config, channel, listener)

  async function keepListening(): Promise<void> {
    while (!stop.signal.aborted) {
      await current.ended
      if (stop.signal.aborted) return
      listener.log('warn', 'the connection that listens for notifications was lost', { channel })
      const next = await resubscribe(config, channel, { ...listener, signal: stop.signal })
      if (next === undefined) return
      current = next
      call(listener, () => listener.onReconnect())
    }
  }

  const listening = keepListening()
  return async () => {
    stop.abort()
    await current.client.end()
    await listening
  }
}

/** Retries until it listens again; undefined when it was stopped meanwhile. */
async function resubscribe(
  config: pg.ClientConfig,
  channel: string,
  listener: Listener & { signal: AbortSignal },
) {
  for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
    await sleep(waitMs, listener.signal)
    if (listener.signal.aborted) return undefined
    const next = await subscribe(config, channel, listener).catch(() => undefined)
    if (next === undefined) continue
    if (!listener.signal.aborted) return next
    await next.client.end()
    return undefined
  }
}

async function subscribe(config: pg.ClientConfig, channel: string, listener: Listener) {
  const client = await openClient(config)
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  client.on('notification', ({ payload }) => call(listener, () => listener.onNotify(payload ?? '')))
  try {
    await client.query(`listen ${pg.escapeIdentifier(channel)}`)
    return { client, ended }
  } catch (error) {
    await client.end()
    throw translateError(error)
  }
}

/** A listener that throws inside the socket's event would end the process. */
function call({ log }: Listener, notify: () => void): void {
  try {
    notify()
  } catch (error) {
    log('error', 'a listener for notifications threw', { error: String(error) })
  }
}
