/** Extension: the server itself. */
import { route } from './route.ts'

export const serverInfoRoutes = [
  route({
    method: 'GET',
    path: '/v1/server',
    id: 'getServer',
    summary: 'Retrieve version, models, storage and settings of the server',
    description: 'Secrets are left out.',
    answer: 'ServerInfo',
    isExtension: true,
    handle: ({ server, project }) => server.serverInfo(project),
  }),
]
