/** /v1/threads/{thread_id}/runs/{run_id}/steps */
import { errors } from '../api/errors.ts'
import { parseQuery } from '../api/parse.ts'
import { IncludeQuery, ListRunStepsQuery } from '../api/run-steps.ts'
import { findRunStep, listRunSteps } from '../sql/run-steps.ts'
import { requireRun } from './missing.ts'
import { answerPage, pageQuery } from './pages.ts'
import { pathIds } from './params.ts'
import type { Server } from './server.ts'

export function runStepRoutes({ http, context }: Server): void {
  const { db } = context

  http.get('/threads/:thread_id/runs/:run_id/steps', async (request) => {
    const { thread_id, run_id } = pathIds(request, 'thread_id', 'run_id')
    const { project } = request
    const { include, ...page } = parseQuery(ListRunStepsQuery, request.query)
    const query = { ...pageQuery(page), withSearchContent: include.length > 0 }
    return answerPage('step', listRunSteps(db, { project, thread_id, run_id }, query), () =>
      requireRun(context, { project, thread_id, id: run_id }),
    )
  })

  http.get('/threads/:thread_id/runs/:run_id/steps/:step_id', async (request) => {
    const { thread_id, run_id, step_id: id } = pathIds(request, 'thread_id', 'run_id', 'step_id')
    const { project } = request
    const { include } = parseQuery(IncludeQuery, request.query)
    const view = { withSearchContent: include.length > 0 }
    const step = await findRunStep(db, { project, thread_id, run_id, id }, view)
    if (step) return step
    await requireRun(context, { project, thread_id, id: run_id })
    throw errors.notFound('step', id)
  })
}
