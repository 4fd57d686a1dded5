/** The state of a run, a file or a store: a sign and a word, never a colour alone. */
import {
  IconAlertTriangle,
  IconBan,
  IconCircleCheck,
  IconCircleX,
  IconClockHour4,
  IconClockX,
  IconHandStop,
  IconLoader2,
} from '@tabler/icons-react'

const shown = {
  queued: { tone: 'busy', Icon: IconClockHour4 },
  in_progress: { tone: 'busy', Icon: IconLoader2 },
  requires_action: { tone: 'warn', Icon: IconHandStop },
  cancelling: { tone: 'warn', Icon: IconBan },
  cancelled: { tone: 'dim', Icon: IconBan },
  failed: { tone: 'bad', Icon: IconCircleX },
  completed: { tone: 'good', Icon: IconCircleCheck },
  incomplete: { tone: 'warn', Icon: IconAlertTriangle },
  expired: { tone: 'bad', Icon: IconClockX },
} as const

export const runStatuses = Object.keys(shown) as (keyof typeof shown)[]

export function Status({ status }: { status: string }) {
  const { tone, Icon } = shown[status as keyof typeof shown] ?? { tone: 'dim', Icon: IconClockHour4 }
  return (
    <span className={`status ${tone}`} data-status={status}>
      <Icon size={14} stroke={2} aria-hidden className={status === 'in_progress' ? 'spin' : undefined} />
      {status.replaceAll('_', ' ')}
    </span>
  )
}
