/** /v1/threads/runs and /v1/threads/{thread_id}/runs */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { streamEndingEvents, type RunEventName } from '../api/events.ts'
import { ListRunsQuery } from '../api/lists.ts'
import { parse, parseQuery } from '../api/parse.ts'
import { IncludeQuery } from '../api/run-steps.ts'
import {
  CreateRunRequest,
  CreateThreadAndRunRequest,
  ModifyRunRequest,
  SubmitToolOutputsRequest,
  type Run,
} from '../api/runs.ts'
import { cancelRun } from '../domain/cancel-run.ts'
import { createRun, createThreadAndRun, type StartedRun } from '../domain/create-run.ts'
import { submitToolOutputs } from '../domain/submit-tool-outputs.ts'
import { findRunRow, listRuns, toRun, updateRunMetadata, type RunKey } from '../sql/runs.ts'
import { headerText, pollAfterMs } from './headers.ts'
import { missingRun, requireRun, requireThread } from './missing.ts'
import { answerPage, pageQuery } from './pages.ts'
import { pathIds } from './params.ts'
import { answerMade } from './retries.ts'
import type { Server } from './server.ts'
import { hangUpSignal, sendEvents } from './sse.ts'

const isLastEvent = (event: string) => streamEndingEvents.has(event as RunEventName)

export function runRoutes(server: Server): void {
  const { http, context } = server
  const asked = (request: FastifyRequest) => ({
    project: request.project,
    include_search_content: parseQuery(IncludeQuery, request.query).include.length > 0,
  })

  http.post('/threads/runs', async (request, reply) => {
    const body = parse(CreateThreadAndRunRequest, request.body)
    const started = await createThreadAndRun(context, body, asked(request))
    return answerRun(server, reply, started, body.stream === true)
  })

  http.post('/threads/:thread_id/runs', async (request, reply) => {
    const { thread_id } = pathIds(request, 'thread_id')
    const body = parse(CreateRunRequest, request.body)
    const started = await createRun(context, thread_id, body, asked(request))
    return answerRun(server, reply, started, body.stream === true)
  })

  http.post('/threads/:thread_id/runs/:run_id/submit_tool_outputs', async (request, reply) => {
    const key = runKey(request)
    const body = parse(SubmitToolOutputsRequest, request.body)
    parseQuery(IncludeQuery, request.query)
    await requireRun(context, key)
    const started = await submitToolOutputs(context, key, body)
    return answerRun(server, reply, started, body.stream === true)
  })

  http.post('/threads/:thread_id/runs/:run_id/cancel', async (request, reply) => {
    const key = runKey(request)
    await requireRun(context, key)
    void reply.header('openai-poll-after-ms', pollAfterMs)
    return cancelRun(context, key)
  })

  plainRoutes(server)
}

function plainRoutes({ http, context }: Server): void {
  http.get('/threads/:thread_id/runs', async (request) => {
    const { thread_id } = pathIds(request, 'thread_id')
    const { project } = request
    const query = pageQuery(parseQuery(ListRunsQuery, request.query))
    return answerPage('run', listRuns(context.db, { project, thread_id }, query), () =>
      requireThread(context, project, thread_id),
    )
  })

  http.get('/threads/:thread_id/runs/:run_id', async (request, reply) => {
    const key = runKey(request)
    const row = await findRunRow(context.db, key)
    if (!row) throw await missingRun(context, key)
    void reply.header('openai-poll-after-ms', pollAfterMs)
    return toRun(row)
  })

  http.post('/threads/:thread_id/runs/:run_id', async (request) => {
    const key = runKey(request)
    const { metadata } = parse(ModifyRunRequest, request.body)
    const found =
      metadata === undefined
        ? findRunRow(context.db, key)
        : updateRunMetadata(context.db, key, metadata ?? {})
    const row = await found
    if (!row) throw await missingRun(context, key)
    return toRun(row)
  })
}

function runKey(request: FastifyRequest): RunKey {
  const { thread_id, run_id: id } = pathIds(request, 'thread_id', 'run_id')
  return { project: request.project, thread_id, id }
}

/** The run as JSON, or its log as a stream. Hanging up ends the stream and not the run. */
async function answerRun(
  server: Server,
  reply: FastifyReply,
  { run, after }: StartedRun,
  isStreamed: boolean,
): Promise<Run | FastifyReply> {
  void reply.header('spool-model', headerText(server.context.modelBehind(run.model) ?? run.model))
  if (!isStreamed) {
    void reply.header('openai-poll-after-ms', pollAfterMs)
    return run
  }
  await answerMade(server, reply, { stream: { run_id: run.id, after } })
  return streamRun(server, reply, { run_id: run.id, after })
}

/** A run's log from an entry on, to the next wait for the client or the end. */
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
