/** /v1/models */
import { errors } from '../api/errors.ts'
import { ModelFailure } from '../models/port.ts'
import { providerUnavailable } from './pass-through.ts'
import { route } from './route.ts'

export const modelRoutes = [
  route({
    method: 'GET',
    path: '/v1/models',
    id: 'listModels',
    summary: 'List the available models',
    answer: 'ModelList',
    handle: async ({ server }) => ({ object: 'list', data: await server.models.list() }),
  }),
  route({
    method: 'GET',
    path: '/v1/models/{model}',
    id: 'getModel',
    summary: 'Retrieve a model',
    answer: 'Model',
    async handle({ server: { models }, params: { model: id } }) {
      const found = await models.find(id).catch((error: unknown) => {
        throw error instanceof ModelFailure ? providerUnavailable() : error
      })
      if (!found) throw errors.modelNotFound(id)
      return found
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/models/{model}',
    id: 'deleteModel',
    summary: 'Refuse to delete a model',
    description: 'The server owns no model; the answer is always an error.',
    handle({ params }) {
      throw errors.modelNotFound(params.model)
    },
  }),
]
