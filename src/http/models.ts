/** /v1/models */
import { errors } from '../api/errors.ts'
import type { Server } from './server.ts'

export function modelRoutes({ http, models }: Server): void {
  http.get('/models', async () => ({ object: 'list', data: await models.list() }))

  // Names may hold slashes and colons.
  http.get('/models/*', async (request) => {
    const name = modelName(request.params)
    const listed = (await models.list()).find((model) => model.id === name)
    if (listed) return listed
    const resolved = models.resolve(name)
    if (!resolved) throw errors.modelNotFound(name)
    return { id: name, object: 'model', created: 0, owned_by: resolved.provider }
  })

  http.delete('/models/*', async (request) => {
    throw errors.modelNotFound(modelName(request.params))
  })
}

function modelName(params: unknown): string {
  return (params as { '*': string })['*']
}
