/** The page of one run: its head, its timeline, and everything that is known of it. */
import { Button, Tabs } from '@mantine/core'
import { IconMessages, IconPlayerStop, IconTerminal2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, useParams, useSearchParams } from 'wouter'
import { call, openai } from '../api/client.ts'
import { keys, queryClient, useSteps, useTrace } from '../api/queries.ts'
import type { ObjectLocation, Message, Run, RunTrace } from '../api/types.ts'
import type { Snapshot } from '../live/run-feed.ts'
import { isOver } from '../live/run-state.ts'
import { useRunFeed } from '../live/use-run-feed.ts'
import { Code, CodeButton } from '../parts/code.tsx'
import { Id, Time } from '../parts/ids.tsx'
import { attempt } from '../parts/notices.tsx'
import { Page } from '../parts/page.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { prettyJson } from '../parts/text.ts'
import { EventLog } from './event-log.tsx'
import { ModelRequests } from './model-requests.tsx'
import { marksIn, Passages } from './passages.tsx'
import { RunSummary } from './run-summary.tsx'
import { RunTurn } from './run-turn.tsx'
import { Timeline } from './timeline.tsx'
import { useRun } from './use-run.ts'

export function RunPage() {
  const { id } = useParams<{ id: string }>()
  const place = useQuery({
    queryKey: ['objects', id],
    queryFn: () => call<ObjectLocation>({ method: 'GET', path: `/objects/${encodeURIComponent(id)}` }),
    staleTime: Infinity,
  })
  if (place.isPending) return <Loading />
  if (place.isError) return <Failed error={place.error} retry={() => place.refetch()} />
  return <RunOf key={id} thread_id={place.data.thread_id ?? ''} run_id={id} />
}

function RunOf({ thread_id, run_id }: { thread_id: string; run_id: string }) {
  const query = useRun(thread_id, run_id, undefined)
  // A run that has ended is not followed: its log is read only where it is shown.
  const [isFollowed, setFollowed] = useState(false)
  const known = query.data
  useEffect(() => {
    if (known && !isOver(known.status)) setFollowed(true)
  }, [known])
  const live = useRunFeed(isFollowed ? thread_id : undefined, isFollowed ? run_id : undefined)
  const run = live?.state.run ?? known
  const trace = useTrace(run)
  useEffect(() => {
    if (live?.link !== 'ended') return
    for (const queryKey of [keys.trace(run_id), keys.steps(run_id), keys.run(run_id)])
      void queryClient.invalidateQueries({ queryKey })
  }, [live?.link, run_id])
  if (query.isPending) return <Loading />
  if (query.isError && !run) return <Failed error={query.error} retry={() => query.refetch()} />
  if (!run) return null
  return (
    <Page
      title="Run"
      back={{ href: '/runs', label: 'Runs' }}
      detail={<RunDetail run={run} />}
      actions={<RunActions run={run} />}
    >
      <div className="run-head">
        <RunSummary run={run} trace={trace.data} />
        {trace.isError && <Failed error={trace.error} retry={() => trace.refetch()} />}
      </div>
      <RunViews run={run} trace={trace.data} live={live} />
    </Page>
  )
}

function RunDetail({ run }: { run: Run }) {
  return (
    <>
      <Id id={run.id} />
      <Time at={run.created_at} />
      <span>
        of <Link href={`/assistants/${run.assistant_id}`}>its assistant</Link> in{' '}
        <Link href={`/threads/${run.thread_id}`}>its thread</Link>
      </span>
    </>
  )
}

function RunActions({ run }: { run: Run }) {
  const { id, thread_id, assistant_id } = run
  const sdk = { name: 'beta.threads.runs.retrieve', ids: [id], params: { thread_id } }
  return (
    <>
      {!isOver(run.status) && run.status !== 'cancelling' && (
        <Button
          variant="default"
          leftSection={<IconPlayerStop size={14} />}
          onClick={() => void attempt(() => openai().beta.threads.runs.cancel(id, { thread_id }))}
        >
          Cancel
        </Button>
      )}
      <Button
        component={Link}
        href={`/threads/${thread_id}`}
        variant="default"
        leftSection={<IconMessages size={14} />}
      >
        Thread
      </Button>
      <Button
        component={Link}
        href={`/?assistant=${assistant_id}&thread=${thread_id}`}
        variant="default"
        leftSection={<IconTerminal2 size={14} />}
      >
        Playground
      </Button>
      <CodeButton request={{ method: 'GET', path: `/threads/${thread_id}/runs/${id}`, sdk }} />
    </>
  )
}

interface RunViewsProps {
  run: Run
  trace: RunTrace | undefined
  live: Snapshot | undefined
}

const tabs = ['steps', 'requests', 'passages', 'events', 'raw']

function RunViews({ run, trace, live }: RunViewsProps) {
  const [search, setSearch] = useSearchParams()
  const [opened, setOpened] = useState<string>()
  const tab = tabs.find((one) => one === search.get('tab')) ?? 'steps'
  const open = (next: string | null) =>
    setSearch(next === null || next === 'steps' ? {} : { tab: next }, { replace: true })
  const choose = (id: string) => {
    setOpened(id)
    open(trace?.work.some((one) => one.id === id && one.kind === 'model_request') ? 'requests' : 'steps')
  }
  return (
    <>
      {trace && <Timeline run={run} trace={trace} onChoose={choose} />}
      <Tabs value={tab} onChange={open} keepMounted={false} className="run-tabs">
        <Tabs.List>
          <Tabs.Tab value="steps">Steps</Tabs.Tab>
          <Tabs.Tab value="requests">Model requests</Tabs.Tab>
          <Tabs.Tab value="passages">Passages</Tabs.Tab>
          <Tabs.Tab value="events">Events</Tabs.Tab>
          <Tabs.Tab value="raw">Raw</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="steps">
          <StepsView run={run} live={live} />
        </Tabs.Panel>
        <Tabs.Panel value="requests">
          {trace && (
            <div className="tab-body">
              <ModelRequests key={opened} trace={trace} opened={opened} />
            </div>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="passages">{trace && <PassagesView run={run} trace={trace} />}</Tabs.Panel>
        <Tabs.Panel value="events">
          <EventLog thread_id={run.thread_id} run_id={run.id} live={live} />
        </Tabs.Panel>
        <Tabs.Panel value="raw">
          <RawView run={run} trace={trace} />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}

function useRunMessages(run: Run) {
  return useQuery({
    queryKey: [...keys.messages(run.thread_id), 'run', run.id, run.status],
    queryFn: async (): Promise<Message[]> =>
      (await openai().beta.threads.messages.list(run.thread_id, { run_id: run.id, order: 'asc', limit: 100 }))
        .data,
  })
}

function StepsView({ run, live }: Pick<RunViewsProps, 'run' | 'live'>) {
  const { data } = useRunMessages(run)
  return (
    <div className="tab-body narrow-text">
      <RunTurn
        thread_id={run.thread_id}
        run_id={run.id}
        run={run}
        messages={data ?? []}
        live={live}
        name="Assistant"
      />
    </div>
  )
}

function PassagesView({ run, trace }: { run: Run; trace: RunTrace }) {
  const { data } = useRunMessages(run)
  return (
    <div className="tab-body">
      <Passages trace={trace} cited={marksIn(data ?? [])} />
    </div>
  )
}

function RawView({ run, trace }: { run: Run; trace: RunTrace | undefined }) {
  const steps = useSteps(run.thread_id, run.id, true)
  return (
    <div className="tab-body">
      <span className="card-label">Run</span>
      <Code text={prettyJson(run)} language="json" label="The run" />
      <span className="card-label">Steps</span>
      <Code text={prettyJson(steps.data ?? [])} language="json" label="The steps" />
      <span className="card-label">RunTrace</span>
      <Code text={prettyJson(trace ?? null)} language="json" label="The trace" />
    </div>
  )
}
