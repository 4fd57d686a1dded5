/** Extensions: the log of a run, which a client can continue to read after an interruption, and its trace. */
import { z } from 'zod'
import { terminalRunEvents, type RunEventName } from '../api/events.ts'
import { integer } from '../api/fields.ts'
import { findObject } from '../domain/find-object.ts'
import { route } from './route.ts'
import { hangUpSignal, sendEvents } from './sse.ts'

const EventsQuery = z.object({ after: integer(0).default(0) })
const LastEventId = z.object({ 'last-event-id': integer(0).optional() })

const isTerminal = (event: string) => terminalRunEvents.has(event as RunEventName)

export const runEventRoutes = [
  route({
    method: 'GET',
    path: '/v1/threads/{thread_id}/runs/{run_id}/events',
    id: 'followRun',
    summary: 'Stream the log of a run until the run has ended',
    description: 'Each event has its number as `id:`. Starts after event `after` or `Last-Event-ID`.',
    query: EventsQuery,
    headers: LastEventId,
    stream: 'always',
    isExtension: true,
    async handle({ server, context, project, params, query, headers, reply }) {
      if (!(await findObject.run(context, { project, ...params }))) return undefined
      const { keepAliveMs } = server
      const signal = hangUpSignal(reply)
      const after = headers['last-event-id'] ?? query.after
      const entries = context.runLog.follow(params.run_id, after, signal)
      await sendEvents(reply, entries, { keepAliveMs, withIds: true, isLast: isTerminal, signal })
      return reply
    },
  }),
  route({
    method: 'GET',
    path: '/v1/threads/{thread_id}/runs/{run_id}/trace',
    id: 'getRunTrace',
    summary: 'Retrieve what a run did that its object does not show',
    description:
      'Requests to models as they were sent, tool calls with what they found, times, messages that were left out, recoveries.',
    answer: 'RunTrace',
    isExtension: true,
    handle: ({ context, project, params }) => findObject.run_trace(context, { project, ...params }),
  }),
]
