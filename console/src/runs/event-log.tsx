/** The run's log as it streams: numbers, kinds, payloads; thousands of entries scroll smoothly. */
import { Select, Text } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { Snapshot } from '../live/run-feed.ts'
import type { LoggedEvent } from '../live/run-state.ts'
import { useRunFeed } from '../live/use-run-feed.ts'
import { Code } from '../parts/code.tsx'
import { formattedJson, plural } from '../parts/text.ts'

interface EventLogProps {
  thread_id: string
  run_id: string
  /** Where the run is followed already. */
  live: Snapshot | undefined
}

export function EventLog({ thread_id, run_id, live }: EventLogProps) {
  const isFollowed = live?.state.run?.id === run_id
  const own = useRunFeed(isFollowed ? undefined : thread_id, isFollowed ? undefined : run_id)
  const feed = isFollowed ? live : own
  const [kind, setKind] = useState<string | null>(null)
  const [chosen, setChosen] = useState<number>()
  const events = feed?.state.events ?? []
  const version = feed?.version
  // The list of events is one array that grows: its version says when it did.
  const kinds = useMemo(() => [...new Set(events.map(({ event }) => event))], [events, version])
  const shown = useMemo(
    () => (kind === null ? [...events] : events.filter(({ event }) => event === kind)),
    [events, kind, version],
  )
  const entry = events.find(({ number }) => number === chosen)
  return (
    <div className="event-log">
      <div className="bar">
        <Select
          aria-label="Kind of event"
          placeholder="Every kind"
          clearable
          clearButtonProps={{ 'aria-label': 'Every kind' }}
          data={kinds}
          value={kind}
          onChange={setKind}
          flex={1}
        />
        <Text size="xs" c="dimmed" role="status">
          {plural(shown.length, 'event')}, {feed?.link ?? 'connecting'}
        </Text>
      </div>
      <Entries entries={shown} chosen={chosen} onChoose={setChosen} />
      {entry && (
        <div className="event-data">
          <Code text={formattedJson(entry.data)} language="json" label={`Event ${entry.number}`} />
        </div>
      )}
    </div>
  )
}

function Entries({
  entries,
  chosen,
  onChoose,
}: {
  entries: LoggedEvent[]
  chosen: number | undefined
  onChoose: (number: number) => void
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 26,
    overscan: 20,
  })
  const last = entries.length - 1
  useEffect(() => {
    const element = scroller.current
    if (element && element.scrollHeight - element.scrollTop - element.clientHeight < 120)
      element.scrollTop = element.scrollHeight
  }, [last])
  return (
    <div className="events" ref={scroller} tabIndex={0} role="region" aria-label="Events">
      <ol style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const entry = entries[index]
          if (!entry) return null
          return (
            <li key={entry.number} style={{ transform: `translateY(${start}px)` }}>
              <button
                type="button"
                className={entry.number === chosen ? 'event chosen' : 'event'}
                onClick={() => onChoose(entry.number)}
              >
                <span className="num dim">{entry.number}</span>
                <span className="mono clip">{entry.event}</span>
                <span className="mono clip dim">{entry.data.slice(0, 200)}</span>
              </button>
            </li>
          )
        })}
      </ol>
    </div>
  )
}
