/** Extensions: lists across threads, and an object by its id alone. */
import { ListProjectRunsQuery } from '../api/lists.ts'
import { listObjects } from '../domain/list-objects.ts'
import { locateObject } from '../domain/find-object.ts'
import { route } from './route.ts'

export const objectRoutes = [
  route({
    method: 'GET',
    path: '/v1/runs',
    id: 'listProjectRuns',
    summary: 'List the runs of all threads of the project',
    query: ListProjectRunsQuery,
    answer: 'RunList',
    isExtension: true,
    handle: ({ context, project, query }) => listObjects.project_runs(context, project, query),
  }),
  route({
    method: 'GET',
    path: '/v1/objects/{id}',
    id: 'locateObject',
    summary: 'Find an object of any kind by its id',
    description: 'Answers its kind, and the thread and the run that it belongs to.',
    answer: 'ObjectLocation',
    isExtension: true,
    handle: ({ context, project, params }) => locateObject(context, project, params.id),
  }),
]
