/** Every operation of the server, in the order of the OpenAPI document. */
import { assistantRoutes } from './assistants.ts'
import { fileBatchRoutes } from './file-batches.ts'
import { fileRoutes } from './files.ts'
import { importRoutes } from './import.ts'
import { messageRoutes } from './messages.ts'
import { modelRoutes } from './models.ts'
import { passThroughRoutes } from './pass-through.ts'
import { fileTextRoutes } from './file-text.ts'
import { objectRoutes } from './objects.ts'
import type { Route } from './route.ts'
import { runEventRoutes } from './run-events.ts'
import { runStepRoutes } from './run-steps.ts'
import { runRoutes } from './runs.ts'
import { serverInfoRoutes } from './server-info.ts'
import { serverRoutes } from './server-routes.ts'
import { threadRoutes } from './threads.ts'
import { uploadRoutes } from './uploads.ts'
import { vectorStoreFileRoutes } from './vector-store-files.ts'
import { vectorStoreRoutes } from './vector-stores.ts'

export const routes: readonly Route[] = [
  ...assistantRoutes,
  ...threadRoutes,
  ...messageRoutes,
  ...runRoutes,
  ...runEventRoutes,
  ...runStepRoutes,
  ...fileRoutes,
  ...uploadRoutes,
  ...vectorStoreRoutes,
  ...vectorStoreFileRoutes,
  ...fileBatchRoutes,
  ...importRoutes,
  ...modelRoutes,
  ...passThroughRoutes,
  ...serverRoutes,
  ...objectRoutes,
  ...fileTextRoutes,
  ...serverInfoRoutes,
]
