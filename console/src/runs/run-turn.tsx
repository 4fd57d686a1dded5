/** What one run did, in order: its tool calls and its messages, and how it ended. */
import { Button } from '@mantine/core'
import { Link } from 'wouter'
import { useSteps } from '../api/queries.ts'
import type { Message, Run, RunStep } from '../api/types.ts'
import type { Snapshot } from '../live/run-feed.ts'
import { isOver } from '../live/run-state.ts'
import { Status } from '../parts/status.tsx'
import { number } from '../parts/text.ts'
import { MessageView } from '../threads/message.tsx'
import { endingOf } from './endings.ts'
import { RequiredAction } from './required-action.tsx'
import { ToolCalls } from './tool-calls.tsx'

interface RunTurnProps {
  thread_id: string
  run_id: string
  run: Run | undefined
  messages: Message[]
  /** There while the run is followed. */
  live: Snapshot | undefined
  /** Of the assistant that answers. */
  name: string
  isReadOnly?: boolean
}

export function RunTurn({
  thread_id,
  run_id,
  run: known,
  messages: loaded,
  live,
  name,
  isReadOnly = false,
}: RunTurnProps) {
  const state = live?.state.run?.id === run_id ? live.state : undefined
  const run = state?.run ?? known
  const usesTools = (known?.tools.length ?? 0) > 0
  const { data } = useSteps(thread_id, run_id, usesTools && !state && isOver(known?.status))
  // The form shows the calls that wait for outputs.
  const isAsked = run?.status === 'requires_action' && !isReadOnly
  const steps = state ? [...state.steps.values()] : (data ?? [])
  const messages = new Map([...loaded.map((one) => [one.id, one] as const), ...(state?.messages ?? [])])
  const isShown = new Set(steps.flatMap((step) => messageOf(step) ?? []))
  return (
    <div className="turn">
      {steps.map((step) => {
        const message = messages.get(messageOf(step) ?? '')
        if (!message) return <ToolCalls key={step.id} step={step} isAnswered={isAsked} />
        return <MessageView key={step.id} message={message} name={name} isLive={isGrowing(message, run)} />
      })}
      {[...messages.values()]
        .filter(({ id }) => !isShown.has(id))
        .map((message) => (
          <MessageView key={message.id} message={message} name={name} isLive={isGrowing(message, run)} />
        ))}
      {run && isAsked && <RequiredAction run={run} />}
      {run && <RunLine run={run} link={state ? live?.link : undefined} />}
    </div>
  )
}

function messageOf({ step_details }: RunStep): string | undefined {
  return step_details.type === 'message_creation' ? step_details.message_creation.message_id : undefined
}

function isGrowing(message: Message, run: Run | undefined): boolean {
  return message.status === 'in_progress' && !isOver(run?.status)
}

/** The status of the run, and a link to its page. */
function RunLine({ run, link }: { run: Run; link: Snapshot['link'] | undefined }) {
  const isClear = run.status === 'completed' || run.status === 'requires_action'
  const ending = isClear ? undefined : endingOf(run)
  return (
    <div className="run-line" data-run-status={run.status}>
      <Status status={run.status} />
      {link === 'away' && <span className="status bad">the server is away, reconnecting</span>}
      {ending && <span className="run-line-why">{ending.what}</span>}
      {run.usage && <span className="dim num">{number(run.usage.total_tokens)} tokens</span>}
      <span className="spring" />
      <Button component={Link} href={`/runs/${run.id}`} variant="subtle" size="compact-xs" color="gray">
        Open the run
      </Button>
    </div>
  )
}
