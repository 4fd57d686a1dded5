/** /healthz and /readyz */
import type { Health } from '../api/health.ts'
import type { Server } from './server.ts'

export function healthRoutes({ http, readiness }: Server): void {
  http.get('/healthz', async (): Promise<Health> => ({ status: 'ok' }))

  http.get('/readyz', async (_request, reply) => {
    const state = await readiness()
    return reply.code(state.ready ? 200 : 503).send(state)
  })
}
