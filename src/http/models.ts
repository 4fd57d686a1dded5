/** /v1/models */
import { errors } from '../api/errors.ts'
import { route } from './route.ts'

export const modelRoutes = [
  route({
    method: 'GET',
    path: '/v1/models',
    id: 'listModels',
    summary: 'List the available models',
    tag: 'Models',
    answer: 'ModelList',
    handle: async ({ server }) => ({ object: 'list', data: await server.models.list() }),
  }),
  route({
    method: 'GET',
    path: '/v1/models/{model}',
    id: 'getModel',
    summary: 'Retrieve a model',
    tag: 'Models',
    answer: 'Model',
    async handle({ server: { models }, params: { model: id } }) {
      const listed = (await models.list()).find((model) => model.id === id)
      if (listed) return listed
      const resolved = models.resolve(id)
      if (!resolved) throw errors.modelNotFound(id)
      return { id, object: 'model', created: 0, owned_by: resolved.provider }
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/models/{model}',
    id: 'deleteModel',
    summary: 'Refuse to delete a model',
    description: 'The server owns no model; the answer is always an error.',
    tag: 'Models',
    handle({ params }) {
      throw errors.modelNotFound(params.model)
    },
  }),
]
