/** Every operation of the server, in the order of the OpenAPI document. */
import { assistantRoutes } from './assistants.ts'
import { messageRoutes } from './messages.ts'
import { runStepRoutes } from './run-steps.ts'
import { modelRoutes } from './models.ts'
import { passThroughRoutes } from './pass-through.ts'
import { vectorStoreRoutes } from './vector-stores.ts'
import { vectorStoreFileRoutes } from './vector-store-files.ts'
import { fileBatchRoutes } from './file-batches.ts'
import { runRoutes } from './runs.ts'
import { runEventRoutes } from './run-events.ts'
import type { Route } from './route.ts'
import { threadRoutes } from './threads.ts'

export const routes: readonly Route[] = [
  ...assistantRoutes,
  ...threadRoutes,
  ...messageRoutes,
  ...runStepRoutes,
  ...modelRoutes,
  ...passThroughRoutes,
  ...vectorStoreRoutes,
  ...vectorStoreFileRoutes,
  ...fileBatchRoutes,
  ...runRoutes,
  ...runEventRoutes,
]
