/** All runs of the project, newest first. */
import { TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { queryText } from '../api/client.ts'
import { keys, useAssistant, useEndlessList } from '../api/queries.ts'
import type { Run } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { DataList, Named, type Column } from '../parts/data-list.tsx'
import { FilterSelect } from '../parts/filter-select.tsx'
import { Time } from '../parts/ids.tsx'
import { Page } from '../parts/page.tsx'
import { Empty } from '../parts/states.tsx'
import { runStatuses, Status } from '../parts/status.tsx'
import { duration, number } from '../parts/text.ts'

const columns: Column<Run>[] = [
  { title: 'Run', width: 'minmax(180px, 2fr)', cell: (run) => <RunName run={run} /> },
  { title: 'Status', width: '140px', cell: (run) => <Status status={run.status} /> },
  {
    title: 'Model',
    width: 'minmax(100px, 1fr)',
    isMinor: true,
    cell: (run) => <span className="mono clip">{run.model}</span>,
  },
  {
    title: 'Error',
    width: 'minmax(100px, 1.6fr)',
    isMinor: true,
    cell: (run) => (
      <span className="clip" title={run.last_error?.message}>
        {run.last_error?.message ?? run.incomplete_details?.reason ?? ''}
      </span>
    ),
  },
  {
    title: 'Took',
    width: '80px',
    isMinor: true,
    isRight: true,
    cell: (run) => <span className="num">{tookOf(run)}</span>,
  },
  {
    title: 'Tokens',
    width: '80px',
    isMinor: true,
    isRight: true,
    cell: (run) => <span className="num">{run.usage ? number(run.usage.total_tokens) : ''}</span>,
  },
  { title: 'Created', width: '88px', isRight: true, cell: (run) => <Time at={run.created_at} /> },
]

function RunName({ run }: { run: Run }) {
  const { data } = useAssistant(run.assistant_id)
  return <Named name={data?.name} id={run.id} fallback="Unnamed assistant" />
}

/** The object has whole seconds only; the page of the run has more. */
function tookOf({ created_at, completed_at, failed_at, cancelled_at }: Run): string {
  const ended = completed_at ?? failed_at ?? cancelled_at
  if (ended === null) return ''
  return ended - created_at < 60
    ? `${Math.max(1, ended - created_at)} s`
    : duration((ended - created_at) * 1000)
}

const codes = ['server_error', 'rate_limit_exceeded', 'invalid_prompt']

export function Runs() {
  const [search, setSearch] = useSearchParams()
  const filters = Object.fromEntries(
    ['status', 'assistant_id', 'model', 'error_code'].map((name) => [name, search.get(name) ?? undefined]),
  )
  const set = (name: string, value: string | null) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before)
        if (value === null || value === '') next.delete(name)
        else next.set(name, value)
        return next
      },
      { replace: true },
    )
  const list = useEndlessList<Run>('/runs', filters, { key: keys.runs, refetchMs: 4000 })
  const isFiltered = Object.values(filters).some((value) => value !== undefined)
  return (
    <Page
      title="Runs"
      isFilled
      actions={
        <CodeButton request={{ method: 'GET', path: `/runs${queryText({ limit: 20, ...filters })}` }} />
      }
    >
      <Filters filters={filters} onChange={set} />
      <DataList
        list={list}
        columns={columns}
        label="Runs"
        href={(run) => `/runs/${run.id}`}
        empty={
          isFiltered ? (
            <Empty title="No matching runs">Remove a filter to see more.</Empty>
          ) : (
            <Empty title="No runs yet">
              A run is one answer of an assistant in a thread. Send a message in the playground, or create one
              with POST /v1/threads/runs.
            </Empty>
          )
        }
      />
    </Page>
  )
}

interface FiltersProps {
  filters: Record<string, string | undefined>
  onChange: (name: string, value: string | null) => void
}

function Filters({ filters, onChange }: FiltersProps) {
  return (
    <div className="filters" role="search">
      <FilterSelect
        label="Status"
        all="Every status"
        data={runStatuses}
        value={filters.status}
        onChange={(value) => onChange('status', value)}
      />
      <FilterSelect
        label="Error"
        all="Every error"
        data={codes}
        value={filters.error_code}
        onChange={(value) => onChange('error_code', value)}
      />
      <TextFilter label="Model" value={filters.model ?? ''} onChange={(value) => onChange('model', value)} />
      <TextFilter
        label="Assistant id"
        value={filters.assistant_id ?? ''}
        onChange={(value) => onChange('assistant_id', value)}
      />
    </div>
  )
}

function TextFilter({
  label,
  value,
  onChange,
}: {
  label: string
  value: string
  onChange: (value: string) => void
}) {
  const [text, setText] = useState(value)
  const change = useDebouncedCallback(onChange, 300)
  return (
    <TextInput
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value)
        change(event.currentTarget.value.trim())
      }}
    />
  )
}
