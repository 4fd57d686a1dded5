/** /v1/threads/{thread_id}/runs/{run_id}/steps */
import { IncludeQuery, ListRunStepsQuery } from '../api/run-steps.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { route } from './route.ts'

export const runStepRoutes = [
  route({
    method: 'GET',
    path: '/v1/threads/{thread_id}/runs/{run_id}/steps',
    id: 'listRunSteps',
    summary: 'List the steps of a run',
    query: ListRunStepsQuery,
    answer: 'RunStepList',
    handle: ({ context, project, params, query: { include, ...page } }) =>
      listObjects.run_steps(context, { project, ...params }, { ...page, ...viewOf(include) }),
  }),
  route({
    method: 'GET',
    path: '/v1/threads/{thread_id}/runs/{run_id}/steps/{step_id}',
    id: 'getRunStep',
    summary: 'Retrieve a step of a run',
    query: IncludeQuery,
    answer: 'RunStep',
    handle: ({ context, project, params, query: { include } }) =>
      findObject.run_step(context, { project, ...params }, viewOf(include)),
  }),
]

function viewOf(include: readonly string[]): { withSearchContent: boolean } {
  return { withSearchContent: include.length > 0 }
}
