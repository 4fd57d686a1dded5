/** /v1/threads/runs and /v1/threads/{thread_id}/runs */
import type { FastifyReply } from 'fastify'
import { streamEndingEvents, type RunEventName } from '../api/events.ts'
import { ListRunsQuery } from '../api/lists.ts'
import { IncludeQuery } from '../api/run-steps.ts'
import type { Run } from '../api/runs.ts'
import { cancelRun, modifyRun } from '../domain/runs.ts'
import { createRun, createThreadAndRun, type StartedRun } from '../domain/create-run.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { submitToolOutputs } from '../domain/submit-tool-outputs.ts'
import { headerText } from './headers.ts'
import { settleAnswer } from './idempotency.ts'
import { route } from './route.ts'
import type { Server } from './server.ts'
import { hangUpSignal, sendEvents } from './sse.ts'

/** How long the SDKs' poll helpers wait before they look at a run again, ms. */
const pollAfterMs = 200

const run = '/v1/threads/{thread_id}/runs/{run_id}' as const

export const runRoutes = [
  route({
    method: 'POST',
    path: '/v1/threads/runs',
    id: 'createThreadAndRun',
    summary: 'Create a thread and start a run on it',
    query: IncludeQuery,
    body: 'CreateThreadAndRunRequest',
    example: { assistant_id: 'asst_abc123', thread: { messages: [{ role: 'user', content: 'Hello!' }] } },
    answer: 'Run',
    stream: 'on demand',
    pollAfterMs,
    async handle({ server, context, project, body, query, reply }) {
      const started = await createThreadAndRun(context, body, { project, ...searchContent(query) })
      return answerRun(server, reply, started, body.stream === true)
    },
  }),
  route({
    method: 'POST',
    path: '/v1/threads/{thread_id}/runs',
    id: 'createRun',
    summary: 'Start a run of an assistant on a thread',
    description: 'A thread has at most one active run.',
    query: IncludeQuery,
    body: 'CreateRunRequest',
    example: { assistant_id: 'asst_abc123' },
    answer: 'Run',
    stream: 'on demand',
    pollAfterMs,
    async handle({ server, context, project, params, body, query, reply }) {
      const options = { project, ...searchContent(query) }
      const started = await createRun(context, params.thread_id, body, options)
      return answerRun(server, reply, started, body.stream === true)
    },
  }),
  route({
    method: 'GET',
    path: '/v1/threads/{thread_id}/runs',
    id: 'listRuns',
    summary: 'List the runs of a thread',
    query: ListRunsQuery,
    answer: 'RunList',
    handle: ({ context, project, params, query }) => listObjects.runs(context, { project, ...params }, query),
  }),
  route({
    method: 'GET',
    path: run,
    id: 'getRun',
    summary: 'Retrieve a run',
    answer: 'Run',
    pollAfterMs,
    handle: ({ context, project, params }) => findObject.run(context, { project, ...params }),
  }),
  route({
    method: 'POST',
    path: run,
    id: 'modifyRun',
    summary: 'Modify the metadata of a run',
    body: 'ModifyRunRequest',
    example: { metadata: { ticket: '42' } },
    answer: 'Run',
    handle: ({ context, project, params, body }) => modifyRun(context, { project, ...params }, body),
  }),
  route({
    method: 'POST',
    path: `${run}/cancel`,
    id: 'cancelRun',
    summary: 'Cancel a run',
    description: 'Answers the run as `cancelling`; it becomes `cancelled` shortly after.',
    answer: 'Run',
    pollAfterMs,
    findsPathFirst: true,
    handle: ({ context, project, params: { thread_id, run_id: id } }) =>
      cancelRun(context, { project, thread_id, id }),
  }),
  route({
    method: 'POST',
    path: `${run}/submit_tool_outputs`,
    id: 'submitToolOutputs',
    summary: 'Submit the outputs of the function calls of a run',
    description: 'For a run in `requires_action`; the outputs of all its calls are submitted at once.',
    query: IncludeQuery,
    body: 'SubmitToolOutputsRequest',
    example: { tool_outputs: [{ tool_call_id: 'call_abc123', output: '22 °C' }] },
    answer: 'Run',
    stream: 'on demand',
    pollAfterMs,
    findsPathFirst: true,
    async handle({ server, context, project, params: { thread_id, run_id: id }, body, reply }) {
      const started = await submitToolOutputs(context, { project, thread_id, id }, body)
      return answerRun(server, reply, started, body.stream === true)
    },
  }),
]

function searchContent({ include }: IncludeQuery): { include_search_content: boolean } {
  return { include_search_content: include.length > 0 }
}

/** The run as JSON, or its log as a stream. A client that hangs up ends the stream and not the run. */
async function answerRun(
  server: Server,
  reply: FastifyReply,
  { run, after }: StartedRun,
  isStreamed: boolean,
): Promise<Run | FastifyReply> {
  void reply.header('spool-model', headerText(server.context.modelBehind(run.model) ?? run.model))
  if (!isStreamed) return run
  await settleAnswer(server, reply, { stream: { run_id: run.id, after } })
  return streamRun(server, reply, { run_id: run.id, after })
}

const isLastEvent = (event: string) => streamEndingEvents.has(event as RunEventName)

/** Sends a run's log after event `after`, up to the next `requires_action` or the end of the run. */
export async function streamRun(
  { context, keepAliveMs }: Server,
  reply: FastifyReply,
  { run_id, after }: { run_id: string; after: number },
): Promise<FastifyReply> {
  const signal = hangUpSignal(reply)
  const batches = context.runLog.tail(run_id, after, { isLast: isLastEvent, signal })
  await sendEvents(reply, batches, { keepAliveMs, isLast: isLastEvent, signal })
  return reply
}
