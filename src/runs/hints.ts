/**
 * Hints that something changed: within the process by call, between processes by NOTIFY. A hint may be lost or
 * arrive twice; so every waiter also polls each second.
 */
import { DatabaseUnavailable, type Database, type Queryable } from '../database/database.ts'
import { hintChannel } from '../sql/run-writes.ts'
import type { Log } from '../util/log.ts'

export type Hint =
  /** The logs of these runs have new events. */
  | { kind: 'log'; run_ids: string[] }
  /** A run that has an owner is to be cancelled. */
  | { kind: 'cancel'; run_id: string }
  /** A run waits for a worker. */
  | { kind: 'queue' }
  /** A file of a vector store waits for ingest. */
  | { kind: 'ingest' }
  /** A thread was deleted: the process that holds its Python session ends it. */
  | { kind: 'session_end'; thread_id: string }
  /** An assistant was changed or deleted. */
  | { kind: 'assistant'; assistant_id: string }
  /** Anything may have changed: the connection that listens for notifications was lost for a while. */
  | { kind: 'all' }

/** The pause before the next try when the database refused LISTEN. */
const listenAgainMs = 60_000
/** The same when the database was unavailable. */
const unavailableMs = 1000

/** NOTIFY refuses payloads of 8,000 bytes or more. */
const payloadLimit = 7900

function payloadOf(hint: Hint): string {
  if (hint.kind === 'queue' || hint.kind === 'ingest' || hint.kind === 'all') return hint.kind
  if (hint.kind === 'session_end') return `session_end:${hint.thread_id}`
  if (hint.kind === 'assistant') return `assistant:${hint.assistant_id}`
  const payload = hint.kind === 'cancel' ? `cancel:${hint.run_id}` : `log:${hint.run_ids.join(',')}`
  return payload.length > payloadLimit ? 'all' : payload
}

function parsePayload(payload: string): Hint {
  const [kind, rest = ''] = payload.split(':')
  if (kind === 'log') return { kind, run_ids: rest.split(',') }
  if (kind === 'cancel') return { kind, run_id: rest }
  if (kind === 'session_end') return { kind, thread_id: rest }
  if (kind === 'assistant') return { kind, assistant_id: rest }
  return kind === 'queue' || kind === 'ingest' ? { kind } : { kind: 'all' }
}

/** Lives as long as the process; `shared` says whether other processes use the same database. */
export class Hints {
  readonly shared: boolean
  readonly #subscribers = new Set<(hint: Hint) => void>()
  #stopListening: (() => Promise<void>) | undefined
  #listenAgain: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: { shared: boolean }) {
    this.shared = options.shared
  }

  /** Whether hints of other processes, if there are any, arrive here. */
  get arrive(): boolean {
    return !this.shared || this.#stopListening !== undefined
  }

  /** Starts to listen. A connection pooler may refuse it: then processes only poll, and it is tried again later. */
  async start(db: Database, log: Log): Promise<void> {
    if (!this.shared) return
    try {
      this.#stopListening = await db.listen(
        hintChannel,
        (payload) => this.send(parsePayload(payload)),
        () => this.send({ kind: 'all' }),
      )
      if (this.#isClosed) await this.#stopListening()
    } catch (error) {
      if (this.#isClosed) return
      const isUnavailable = error instanceof DatabaseUnavailable
      const problem = isUnavailable ? 'is unavailable for LISTEN' : 'refuses LISTEN'
      log('warn', `the database ${problem}: changes by other processes are noticed once a second`, {
        error,
      })
      const pauseMs = isUnavailable ? unavailableMs : listenAgainMs
      this.#listenAgain = setTimeout(() => void this.start(db, log), pauseMs).unref()
    }
  }

  /** Calls the subscriber with every hint until the returned function is called. */
  subscribe(subscriber: (hint: Hint) => void): () => void {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  /** Sends a hint within this process, at once. Call it after the commit. */
  send(hint: Hint): void {
    for (const subscriber of this.#subscribers) subscriber(hint)
  }

  /** The payloads that a transaction sends to the other processes, if there are any. */
  notifications(...hints: Hint[]): string[] {
    return this.shared ? hints.map(payloadOf) : []
  }

  /** Sends a hint to the other processes when the transaction commits. */
  async announce(tx: Queryable, hint: Hint): Promise<void> {
    for (const payload of this.notifications(hint)) {
      await tx.query({
        name: 'announce',
        text: `select pg_notify('${hintChannel}', $1)`,
        values: [payload],
      })
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#listenAgain)
    await this.#stopListening?.()
  }
}
