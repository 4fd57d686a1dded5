/** One run that this process owns: its row as last written, its feed, and what waits to be written. */
import type { Message } from '../api/messages.ts'
import type { Run } from '../api/runs.ts'
import type { RunWrite } from '../sql/run-batch.ts'
import type { Entry, NumberedEntry } from '../sql/run-events.ts'
import type { StepRow } from '../sql/run-steps.ts'
import { toRun, type RunFields, type RunRow, type TraceEntry } from '../sql/runs.ts'
import { Feed, type FeedEntry } from './feed.ts'
import type { RunLog } from './run-log.ts'

/** What changes with a commit. Entries are made from the run as the row will stand. */
export interface Change {
  fields?: RunFields
  entries: (run: Run) => Entry[]
  steps?: StepRow[]
  messages?: Message[]
  closesCancel?: boolean
  releases?: boolean
  recorded?: boolean
  trace?: TraceEntry[]
}

/** `cancelling`: a cancel came first and nothing was written. `lost`: another process has the run now. */
export type CommitResult = 'written' | 'cancelling' | 'lost'

/** Who writes for the record: see recorder.ts. */
export interface RecordWriter {
  readonly options: { runLog: RunLog; isConfirmed: () => boolean }
  want(record: RunRecord, urgency: 'soon' | 'now'): void
}

export interface OpenObjects {
  message?: Message | undefined
  step?: StepRow | undefined
}

interface PendingCommit {
  change: Change
  resolve: (result: CommitResult) => void
}

/** Lives from the claim of a run to the end of its lease. */
export class RunRecord {
  row: RunRow
  readonly feed: Feed
  /** Aborts when another process has the run, or when whether it has is unknown. */
  readonly lost: AbortSignal
  /** The message and the step that are begun and not ended, as they now stand. */
  open: OpenObjects = {}
  /** The entries that close objects which listeners saw and the log never will; set by who works on the run. */
  closings: (open: OpenObjects) => Entry[] = () => []
  /** Bytes of entries that wait. */
  pendingBytes = 0
  readonly #recorder: RecordWriter
  readonly #losing = new AbortController()
  /** Entries that wait for the log, told ahead or (`#withheld`) not yet told at all. */
  #pending: FeedEntry[] = []
  readonly #withheld = new Set<FeedEntry>()
  /** Ids of steps and messages that the database has. */
  readonly #written = new Set<string>()
  #steps = new Map<string, StepRow>()
  #messages = new Map<string, Message>()
  #trace: TraceEntry[] | undefined
  #commit: PendingCommit | undefined
  #inFlight: { ahead: FeedEntry[]; commit: PendingCommit | undefined; rows: RunRow } | undefined

  constructor(recorder: RecordWriter, row: RunRow, entries: NumberedEntry[]) {
    this.#recorder = recorder
    this.row = row
    this.lost = this.#losing.signal
    this.feed = new Feed(row.id, (entries[0]?.number ?? row.event_count + 1) - 1)
    this.feed.tellNumbered(entries)
  }

  get run(): Run {
    return toRun(this.row)
  }

  /** A write that gives up the lease is on its way: what a heartbeat reads meanwhile says nothing. */
  get isEnding(): boolean {
    return this.#inFlight?.commit?.change.releases === true
  }

  /** Tells the listeners at once and the log soon (`now`: at once as well). Rows are written with the entries. */
  tell(
    entries: { event: string; data: string }[],
    options: { steps?: StepRow[]; messages?: Message[]; urgency?: 'soon' | 'now' } = {},
  ): void {
    if (this.lost.aborted) return
    const told: FeedEntry[] = entries.map((entry) => ({ ...entry, number: null }))
    this.#pending.push(...told)
    for (const entry of told) this.pendingBytes += entry.data.length
    if (this.#recorder.options.isConfirmed() && this.#withheld.size === 0) this.feed.tell(told)
    else told.forEach((entry) => this.#withheld.add(entry))
    this.#keep(options)
    this.#recorder.want(this, options.urgency ?? 'soon')
  }

  /** The run's trace as it will be written. */
  get traced(): readonly TraceEntry[] {
    return this.#trace ?? this.row.trace
  }

  /** Adds to the run's trace; written with the next entries. */
  trace(entry: TraceEntry): void {
    this.#trace = [...this.traced, entry]
  }

  /** Writes all that waits together with the change, and tells the change once it is committed. */
  async commit(change: Change): Promise<CommitResult> {
    if (this.lost.aborted) return 'lost'
    if (this.#commit) throw new Error(`run ${this.row.id} was expected to have one commit at a time`)
    this.#keep(change)
    return new Promise((resolve) => {
      this.#commit = { change, resolve }
      this.#recorder.want(this, 'now')
    })
  }

  /** For the recorder: what to write now. */
  takeWrite(): RunWrite | undefined {
    if (this.lost.aborted || this.#inFlight) return undefined
    const commit = this.#commit
    const isEmpty = this.#pending.length + this.#steps.size + this.#messages.size === 0
    if (!commit && isEmpty) return undefined
    const ahead = this.#pending
    const change = commit?.change
    const next: RunRow = { ...this.row, ...change?.fields, trace: this.#trace ?? this.row.trace }
    const entries = [...ahead, ...(change?.entries(toRun(next)) ?? [])]
    const write: RunWrite = {
      run_id: this.row.id,
      project: this.row.project,
      attempt: this.row.attempt,
      revision: this.row.revision,
      entries,
      steps: [...this.#steps.values()],
      messages: [...this.#messages.values()],
      ...(change?.fields && { move: change.fields }),
      ...(change?.closesCancel && { closesCancel: true }),
      ...(change?.releases && { releases: true }),
      ...(change?.recorded && { recorded: true }),
      ...(this.#trace && { trace: this.#trace }),
    }
    this.#inFlight = { ahead, commit, rows: next }
    this.#pending = []
    this.pendingBytes = 0
    this.#steps = new Map()
    this.#messages = new Map()
    this.#commit = undefined
    this.#trace = undefined
    return write
  }

  /** For the recorder: the write is committed; `missed` are entries that others wrote before it. */
  written(write: RunWrite, last: number, missed: NumberedEntry[]): void {
    const flight = this.#inFlight
    this.#inFlight = undefined
    if (!flight) return
    this.row = { ...flight.rows, event_count: last }
    for (const { id } of [...write.steps, ...write.messages]) this.#written.add(id)
    this.feed.tellNumbered(missed)
    const after = write.entries.slice(flight.ahead.length).map((entry) => ({ ...entry, number: null }))
    const late = flight.ahead.filter((entry) => this.#withheld.delete(entry))
    this.feed.confirm([...flight.ahead, ...after], last)
    this.feed.tell([...late, ...after])
    if (write.releases) this.#end('ended')
    flight.commit?.resolve('written')
  }

  /** For the recorder: nothing was written, though the run is still ours: a cancel stands, or the row is newer. */
  refused(write: RunWrite, row: RunRow): void {
    const flight = this.#inFlight
    this.#inFlight = undefined
    if (!flight) return
    this.#pending = [...flight.ahead, ...this.#pending]
    for (const step of write.steps) if (!this.#steps.has(step.id)) this.#steps.set(step.id, step)
    for (const message of write.messages) {
      if (!this.#messages.has(message.id)) this.#messages.set(message.id, message)
    }
    if (write.trace) this.#trace ??= write.trace
    this.row = { ...this.row, metadata: row.metadata, revision: row.revision, status: row.status }
    const isBarred = row.status === 'cancelling' && write.move !== undefined && !write.closesCancel
    if (isBarred) {
      flight.commit?.resolve('cancelling')
    } else {
      this.#commit = flight.commit ?? this.#commit
      this.#recorder.want(this, 'now')
    }
  }

  /** The run is no longer ours, or may not be: stop, close what listeners saw open, and let them read the log. */
  lose(): void {
    if (this.feed.state !== 'open') return
    const waiting = [this.#commit, this.#inFlight?.commit]
    this.#commit = undefined
    this.#inFlight = undefined
    const unwritten = (object: { id: string } | undefined) => object && !this.#written.has(object.id)
    const closings = this.closings({
      ...(unwritten(this.open.message) && { message: this.open.message }),
      ...(unwritten(this.open.step) && { step: this.open.step }),
    })
    this.feed.tell(closings.map((entry) => ({ ...entry, number: null })))
    this.#end('lost')
    this.#losing.abort()
    for (const commit of waiting) commit?.resolve('lost')
  }

  #end(state: 'ended' | 'lost'): void {
    this.feed.end(state)
    this.#recorder.options.runLog.removeFeed(this.feed)
  }

  #keep(rows: { steps?: StepRow[]; messages?: Message[] }): void {
    for (const step of rows.steps ?? []) this.#steps.set(step.id, step)
    for (const message of rows.messages ?? []) this.#messages.set(message.id, message)
  }
}
