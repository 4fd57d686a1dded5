/** The column that shows what happens: the run's timeline, its events, what the model got, and the code for it. */
import { Tabs, Text } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'
import type { RequestCode } from '../api/code.ts'
import { useTrace } from '../api/queries.ts'
import type { Snapshot } from '../live/run-feed.ts'
import { RequestCodes } from '../parts/code.tsx'
import { Empty } from '../parts/states.tsx'
import { useRun } from '../runs/use-run.ts'
import { EventLog } from '../runs/event-log.tsx'
import { ModelRequests } from '../runs/model-requests.tsx'
import { RunSummary } from '../runs/run-summary.tsx'
import { Timeline } from '../runs/timeline.tsx'

interface InspectorProps {
  thread_id: string | undefined
  run_id: string | undefined
  live: Snapshot | undefined
  /** The last thing that was done here. */
  action: RequestCode | undefined
}

export function Inspector(props: InspectorProps) {
  const [tab, setTab] = useState<string | null>('run')
  return (
    <Tabs value={tab} onChange={setTab} className="inspector" keepMounted={false}>
      <Tabs.List grow>
        <Tabs.Tab value="run">Run</Tabs.Tab>
        <Tabs.Tab value="events">Events</Tabs.Tab>
        <Tabs.Tab value="request">Request</Tabs.Tab>
        <Tabs.Tab value="code">Code</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="run">
        <RunTab {...props} />
      </Tabs.Panel>
      <Tabs.Panel value="events">
        <EventsTab {...props} />
      </Tabs.Panel>
      <Tabs.Panel value="request">
        <RequestTab {...props} />
      </Tabs.Panel>
      <Tabs.Panel value="code">
        <CodeTab {...props} />
      </Tabs.Panel>
    </Tabs>
  )
}

function Nothing() {
  return <Empty title="No run yet">Send a message: its run is shown here as it happens.</Empty>
}

function useTraced({ thread_id, run_id, live }: InspectorProps) {
  const { run } = useRun(thread_id, run_id, live)
  const { data: trace } = useTrace(run)
  return { run, trace }
}

function RunTab(props: InspectorProps) {
  const { run, trace } = useTraced(props)
  if (!run) return <Nothing />
  return (
    <div className="tab-body">
      <RunSummary run={run} trace={trace} />
      {trace && <Timeline run={run} trace={trace} />}
      <Text size="sm">
        <Link href={`/runs/${run.id}`}>Open the page of this run</Link>
      </Text>
    </div>
  )
}

function EventsTab({ thread_id, run_id, live }: InspectorProps) {
  if (thread_id === undefined || run_id === undefined) return <Nothing />
  return <EventLog thread_id={thread_id} run_id={run_id} live={live} />
}

function RequestTab(props: InspectorProps) {
  const { run, trace } = useTraced(props)
  if (!run) return <Nothing />
  return <div className="tab-body">{trace && <ModelRequests trace={trace} />}</div>
}

function CodeTab({ action, thread_id, run_id }: InspectorProps) {
  const fallback: RequestCode | undefined =
    thread_id !== undefined && run_id !== undefined
      ? {
          method: 'GET',
          path: `/threads/${thread_id}/runs/${run_id}`,
          sdk: { name: 'beta.threads.runs.retrieve', ids: [run_id], params: { thread_id } },
        }
      : undefined
  const shown = action ?? fallback
  if (!shown)
    return <Empty title="Nothing done yet">What you do here is shown as code that does the same.</Empty>
  return (
    <div className="tab-body">
      <RequestCodes request={shown} />
    </div>
  )
}
