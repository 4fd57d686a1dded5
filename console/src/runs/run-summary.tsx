/** The head of a run: what its status means, what answered, and what it took. */
import { Alert, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Run, RunTrace, ModelRequestWork } from '../api/types.ts'
import { timesOf } from './bars.ts'
import { isOver } from '../live/run-state.ts'
import { Facts } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { duration, number } from '../parts/text.ts'
import { endingOf } from './endings.ts'

export function requestsOf(trace: RunTrace | undefined): ModelRequestWork[] {
  return (trace?.work ?? []).filter((one): one is ModelRequestWork => one.kind === 'model_request')
}

export function RunSummary({ run, trace }: { run: Run; trace: RunTrace | undefined }) {
  const { what, todo } = endingOf(run, trace)
  return (
    <div className="run-summary">
      <div className="run-says">
        <Status status={run.status} />
        <span>{what}</span>
      </div>
      {todo !== undefined && (
        <Alert color={run.status === 'incomplete' ? 'yellow' : 'red'} title="What to do">
          <Text size="sm">{todo}</Text>
        </Alert>
      )}
      <Facts facts={factsOf(run, trace)} />
    </div>
  )
}

function factsOf(run: Run, trace: RunTrace | undefined): [string, ReactNode][] {
  const requests = requestsOf(trace)
  const last = requests.at(-1)
  const first = requests.find((one) => one.first_token_ms !== null)
  const note = trace?.data.findLast(({ kind }) => kind === 'model')
  const answered = last
    ? `${last.provider}/${last.model}`
    : typeof note?.model === 'string'
      ? note.model
      : '–'
  const times = trace && timesOf(run, trace)
  const since = (ms: number | null | undefined) =>
    times && ms !== null && ms !== undefined ? duration(Math.max(0, ms - times.created)) : '–'
  const mono = (text: string) => <span className="mono">{text}</span>
  return [
    ['Model asked for', mono(run.model)],
    ['Answered by', mono(answered)],
    ['In the queue', since(times?.claimed)],
    ['First token after', since(first?.first_token_ms)],
    ['Total', isOver(run.status) ? since(times?.ended) : 'going on'],
    ['Tokens in', run.usage ? number(run.usage.prompt_tokens) : '–'],
    ['Tokens out', run.usage ? number(run.usage.completion_tokens) : '–'],
    ['Recoveries', String(trace?.data.filter(({ kind }) => kind === 'recovered').length ?? '–')],
  ]
}
