/** Operations about the server itself. They ask for no key. */
import { route } from './route.ts'

export const serverRoutes = [
  route({
    method: 'GET',
    path: '/healthz',
    id: 'getHealth',
    summary: 'Report that the process is up',
    tag: 'Server',
    answer: 'Health',
    handle: () => ({ status: 'ok' }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    id: 'getReadiness',
    summary: 'Report the state of database, model and sandbox',
    description: 'Answered with 503 while the server cannot serve requests.',
    tag: 'Server',
    answer: 'Readiness',
    async handle({ server, reply }) {
      const state = await server.readiness()
      return reply.code(state.ready ? 200 : 503).send(state)
    },
  }),
  route({
    method: 'GET',
    path: '/openapi.json',
    id: 'getOpenApi',
    summary: 'Retrieve this OpenAPI document',
    tag: 'Server',
    media: ['application/json'],
    handle: ({ server, reply }) =>
      reply
        .type('application/json; charset=utf-8')
        .header('cache-control', 'no-cache')
        .header('x-content-type-options', 'nosniff')
        .send(server.openApi()),
  }),
]
