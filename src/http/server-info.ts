/** Extension: the server itself. */
import { errors } from '../api/errors.ts'
import { openProject } from './auth.ts'
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
  route({
    method: 'POST',
    path: '/v1/server/reload',
    id: 'reloadServer',
    summary: 'Read the settings again',
    description:
      'Models, keys and limits change without a restart; for keys without a project. Runs at work keep the models that they began with. Settings that cannot be used are refused, and those in force stay.',
    answer: 'ReloadReport',
    isExtension: true,
    handle({ server, project }) {
      if (project !== openProject) throw errors.reloadNotAllowed(project)
      return server.reload()
    },
  }),
]
