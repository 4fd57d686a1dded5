/** Ids and times as every table shows them. */
import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { ago, exactTime } from './text.ts'

/** A button that copies. */
export function Copy({ text, label }: { text: string; label: string }) {
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label}>
          <ActionIcon
            size="xs"
            aria-label={label}
            className="copy"
            onClick={(event) => {
              event.preventDefault()
              event.stopPropagation()
              copy()
            }}
          >
            {copied ? <IconCheck size={12} /> : <IconCopy size={12} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  )
}

export function Id({ id }: { id: string }) {
  return (
    <span className="id">
      <span className="id-text">{id}</span>
      <Copy text={id} label="Copy id" />
    </span>
  )
}

/** How long ago; the exact time on hover. Null is shown as a dash. */
export function Time({ at }: { at: number | null | undefined }) {
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 20_000)
    return () => clearInterval(timer)
  }, [])
  if (at === null || at === undefined) return <span className="dim">–</span>
  return (
    <time className="num" dateTime={new Date(at * 1000).toISOString()} title={exactTime(at)}>
      {ago(at)}
    </time>
  )
}
