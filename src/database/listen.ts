/** LISTEN on a connection of its own that comes back after it was lost. */
import pg from 'pg'
import { sleep } from '../util/abort.ts'
import type { Log } from '../util/log.ts'
import { openClient } from './client.ts'
import { translateError } from './errors.ts'

interface Hearing {
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
  hearing: Hearing,
): Promise<() => Promise<void>> {
  const stop = new AbortController()
  let current = await subscribe(config, channel, hearing)

  async function keepListening(): Promise<void> {
    while (!stop.signal.aborted) {
      await current.ended
      if (stop.signal.aborted) return
      hearing.log('warn', 'the connection that hears notifications was lost', { channel })
      const next = await resubscribe(config, channel, { ...hearing, signal: stop.signal })
      if (next === undefined) return
      current = next
      call(hearing, () => hearing.onReconnect())
    }
  }

  const listening = keepListening()
  return async () => {
    stop.abort()
    await current.client.end()
    await listening
  }
}

/** Tries until it listens again; undefined when stopped meanwhile. */
async function resubscribe(
  config: pg.ClientConfig,
  channel: string,
  hearing: Hearing & { signal: AbortSignal },
) {
  for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
    await sleep(waitMs, hearing.signal)
    if (hearing.signal.aborted) return undefined
    const next = await subscribe(config, channel, hearing).catch(() => undefined)
    if (next === undefined) continue
    if (!hearing.signal.aborted) return next
    await next.client.end()
    return undefined
  }
}

async function subscribe(config: pg.ClientConfig, channel: string, hearing: Hearing) {
  const client = await openClient(config)
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  client.on('notification', ({ payload }) => call(hearing, () => hearing.onNotify(payload ?? '')))
  try {
    await client.query(`listen ${pg.escapeIdentifier(channel)}`)
    return { client, ended }
  } catch (error) {
    await client.end()
    throw translateError(error)
  }
}

/** A listener that throws would end the process from inside of the socket's event. */
function call(hearing: Hearing, listener: () => void): void {
  try {
    listener()
  } catch (error) {
    hearing.log('error', 'a listener for notifications threw', { error: String(error) })
  }
}
