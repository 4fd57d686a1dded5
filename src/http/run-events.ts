/** Beyond the original API: a run's log, to be taken up again after any interruption, and its trace. */
import { z } from 'zod'
import { terminalRunEvents, type RunEventName } from '../api/events.ts'
import { integer } from '../api/fields.ts'
import { parseQuery } from '../api/parse.ts'
import type { RunTrace } from '../api/runs.ts'
import { findRunRow } from '../sql/runs.ts'
import { missingRun, requireRun } from './missing.ts'
import { pathIds } from './params.ts'
import type { Server } from './server.ts'
import { hangUpSignal, sendEvents } from './sse.ts'

export const EventsQuery = z.object({ after: integer(0).default(0) })
export const LastEventId = z.object({ 'last-event-id': integer(0).optional() })

const isTerminal = (event: string) => terminalRunEvents.has(event as RunEventName)

export function runEventRoutes({ http, context, keepAliveMs }: Server): void {
  /** Committed entries after number `after` or `Last-Event-ID`, each with its number as `id:`, to the run's end. */
  http.get('/threads/:thread_id/runs/:run_id/events', async (request, reply) => {
    const { thread_id, run_id: id } = pathIds(request, 'thread_id', 'run_id')
    const { after } = parseQuery(EventsQuery, request.query)
    const { 'last-event-id': last } = parseQuery(LastEventId, request.headers)
    await requireRun(context, { project: request.project, thread_id, id })
    const signal = hangUpSignal(reply)
    const entries = context.runLog.follow(id, last ?? after, signal)
    await sendEvents(reply, entries, { keepAliveMs, withIds: true, isLast: isTerminal, signal })
    return reply
  })

  /** What a run did beyond its object: the model that answered, what was left out, who took it over. */
  http.get('/threads/:thread_id/runs/:run_id/trace', async (request): Promise<RunTrace> => {
    const { thread_id, run_id: id } = pathIds(request, 'thread_id', 'run_id')
    const key = { project: request.project, thread_id, id }
    const row = await findRunRow(context.db, key)
    if (!row) throw await missingRun(context, key)
    return { object: 'thread.run.trace', run_id: id, thread_id, attempts: row.attempt, data: row.trace }
  })
}
