/** Addresses and the views behind them; every view but the first is loaded when it is opened. */
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { lazy, Suspense, type ComponentType } from 'react'
import { Route, Router, Switch } from 'wouter'
import { queryClient } from './api/queries.ts'
import { Crash } from './parts/crash.tsx'
import { NoticeList } from './parts/notices.tsx'
import { Empty, Loading } from './parts/states.tsx'
import { Playground } from './playground/playground.tsx'
import { Shell } from './shell.tsx'
import { cssVariables, theme } from './theme.ts'

function view<Name extends string>(load: () => Promise<Record<Name, ComponentType>>, name: Name) {
  return lazy(async () => ({ default: (await load())[name] }))
}

const views = {
  '/threads': view(() => import('./threads/threads.tsx'), 'Threads'),
  '/threads/:id': view(() => import('./threads/thread.tsx'), 'ThreadPage'),
  '/runs': view(() => import('./runs/runs.tsx'), 'Runs'),
  '/runs/:id': view(() => import('./runs/run.tsx'), 'RunPage'),
  '/assistants': view(() => import('./assistants/assistants.tsx'), 'Assistants'),
  '/assistants/:id': view(() => import('./assistants/assistant.tsx'), 'AssistantPage'),
  '/files': view(() => import('./files/files.tsx'), 'Files'),
  '/files/:id': view(() => import('./files/file.tsx'), 'FilePage'),
  '/vector-stores': view(() => import('./stores/stores.tsx'), 'Stores'),
  '/vector-stores/:id': view(() => import('./stores/store.tsx'), 'StorePage'),
  '/vector-stores/:id/files/:file_id': view(() => import('./stores/store-file.tsx'), 'StoreFilePage'),
  '/models': view(() => import('./server/models.tsx'), 'Models'),
  '/server': view(() => import('./server/server.tsx'), 'Server'),
}

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={cssVariables}>
      <QueryClientProvider client={queryClient}>
        <Router base="/console">
          <Shell>
            <Crash>
              <Suspense fallback={<Loading />}>
                <Switch>
                  <Route path="/" component={Playground} />
                  {Object.entries(views).map(([path, component]) => (
                    <Route key={path} path={path} component={component} />
                  ))}
                  <Route>
                    <Empty title="There is no such page">
                      The address may be mistyped. Ctrl K finds any id.
                    </Empty>
                  </Route>
                </Switch>
              </Suspense>
            </Crash>
          </Shell>
        </Router>
        <NoticeList />
      </QueryClientProvider>
    </MantineProvider>
  )
}
