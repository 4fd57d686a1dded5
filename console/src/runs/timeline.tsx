/** The timeline of a run: every wait, model request and tool call as a bar to scale. */
import { Tooltip } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Run, RunTrace } from '../api/types.ts'
import { isOver } from '../live/run-state.ts'
import { duration } from '../parts/text.ts'
import { barsOf, timesOf, type Bar } from './bars.ts'

interface TimelineProps {
  run: Run
  trace: RunTrace
  /** Receives the id of the piece of work whose bar was clicked. */
  onChoose?: (id: string) => void
}

export function Timeline({ run, trace, onChoose }: TimelineProps) {
  const isGoing = !isOver(run.status)
  const now = useNow(isGoing)
  const bars = barsOf(run, trace)
  const { created, ended } = timesOf(run, trace)
  const end = Math.max(created + 1, ended ?? (isGoing ? now : 0), ...bars.map((bar) => bar.end ?? now))
  const span = end - created
  const recoveries = trace.data.filter(({ kind }) => kind === 'recovered' || kind === 'recoveries_exhausted')
  return (
    <figure className="timeline" aria-label="Timeline of the run">
      <div className="timeline-scale num" aria-hidden>
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span key={part}>{duration(span * part)}</span>
        ))}
      </div>
      <ol>
        {bars.map((bar) => (
          <BarRow key={bar.key} bar={bar} start={created} span={span} now={now} onChoose={onChoose} />
        ))}
      </ol>
      {recoveries.length > 0 && (
        <figcaption>
          {recoveries.map((note, index) => (
            <span className="status warn" key={index}>
              {note.kind === 'recovered'
                ? `another process continued it: attempt ${String(note.attempt)}`
                : String(note.message)}
            </span>
          ))}
        </figcaption>
      )}
    </figure>
  )
}

function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!isTicking) return
    const timer = setInterval(() => setNow(Date.now()), 200)
    return () => clearInterval(timer)
  }, [isTicking])
  return now
}

interface BarRowProps {
  bar: Bar
  start: number
  span: number
  now: number
  onChoose: ((id: string) => void) | undefined
}

function BarRow({ bar, start, span, now, onChoose }: BarRowProps) {
  const percent = (ms: number) => `${(Math.max(0, ms) / span) * 100}%`
  const end = bar.end ?? now
  const style = { left: percent(bar.start - start), width: `max(3px, ${percent(end - bar.start)})` }
  const words = `${bar.label}, ${duration(end - bar.start)}${bar.end === null ? ' so far' : ''}`
  return (
    <li>
      <span className="timeline-label clip" title={bar.label}>
        {bar.label}
      </span>
      <span className="timeline-track">
        <Tooltip
          multiline
          maw={320}
          label={
            <>
              {words}
              <br />
              {bar.hint}
            </>
          }
        >
          <button
            type="button"
            className={`timeline-bar ${bar.tone}`}
            style={style}
            aria-label={`${words}. ${bar.hint}`}
            onClick={() => onChoose?.(bar.key)}
          />
        </Tooltip>
        {bar.marks.map((mark, index) => (
          <i
            key={index}
            className="timeline-mark"
            style={{ left: percent(mark.at - start) }}
            title={mark.words}
          />
        ))}
      </span>
      <span className="num dim">{duration(end - bar.start)}</span>
    </li>
  )
}
