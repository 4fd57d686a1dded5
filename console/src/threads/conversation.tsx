/** A thread as it is read: messages and runs in order, the newest at the bottom. */
import { Button } from '@mantine/core'
import { useEffect, useMemo, useRef } from 'react'
import { useAssistant, useMessages, useThreadRuns } from '../api/queries.ts'
import type { Message, Run } from '../api/types.ts'
import type { Snapshot } from '../live/run-feed.ts'
import { Failed, Loading } from '../parts/states.tsx'
import { RunTurn } from '../runs/run-turn.tsx'
import { itemsOf, type Item } from './items.ts'
import { MessageView } from './message.tsx'

interface ConversationProps {
  thread_id: string
  live?: Snapshot | undefined
  isReadOnly?: boolean
}

export function Conversation({ thread_id, live, isReadOnly = false }: ConversationProps) {
  const messages = useMessages(thread_id)
  const runs = useThreadRuns(thread_id)
  const items = useMemo(() => {
    const said = (messages.data?.pages.flatMap((page) => page.data) ?? []).toReversed()
    return itemsOf(said, known(runs.data ?? [], live?.state.run).toReversed(), messages.hasNextPage)
  }, [messages.data, messages.hasNextPage, runs.data, live?.state.run])
  const scroller = useStickToBottom(`${items.length}:${live?.version ?? 0}`)
  if (messages.isPending) return <Loading />
  if (messages.isError && !messages.data)
    return <Failed error={messages.error} retry={() => messages.refetch()} />
  return (
    <div className="conversation" ref={scroller} tabIndex={0} role="log" aria-label="Conversation">
      {messages.hasNextPage && (
        <Button
          variant="default"
          mx="auto"
          loading={messages.isFetchingNextPage}
          onClick={() => void messages.fetchNextPage()}
        >
          Show older messages
        </Button>
      )}
      {items.map((item) => (
        <ItemView key={item.key} item={item} thread_id={thread_id} live={live} isReadOnly={isReadOnly} />
      ))}
    </div>
  )
}

/** The runs of the list with the one that is followed, which the list may not know yet. */
function known(runs: Run[], followed: Run | undefined): Run[] {
  if (!followed) return runs
  return runs.some((run) => run.id === followed.id) ? runs : [followed, ...runs]
}

function ItemView({ item, ...props }: ConversationProps & { item: Item }) {
  if (item.kind === 'message') return <OwnMessage message={item.message} />
  return <NamedTurn {...props} item={item} />
}

function OwnMessage({ message }: { message: Message }) {
  const name = useName(message.assistant_id)
  return <MessageView message={message} name={message.role === 'user' ? 'User' : name} />
}

function NamedTurn({
  item,
  thread_id,
  live,
  isReadOnly = false,
}: ConversationProps & { item: Extract<Item, { kind: 'run' }> }) {
  const { run_id, run, messages } = item
  const name = useName(run?.assistant_id ?? messages[0]?.assistant_id)
  return (
    <RunTurn
      thread_id={thread_id}
      run_id={run_id}
      run={run}
      messages={messages}
      live={live}
      name={name}
      isReadOnly={isReadOnly}
    />
  )
}

function useName(assistant_id: string | null | undefined): string {
  const { data } = useAssistant(assistant_id ?? undefined)
  return data?.name || 'Assistant'
}

/** Keeps the newest words in view while the reader is at the bottom, and leaves a reader alone who scrolled up. */
function useStickToBottom(change: string) {
  const scroller = useRef<HTMLDivElement>(null)
  const isAtBottom = useRef(true)
  useEffect(() => {
    const element = scroller.current
    if (!element) return
    const look = () => {
      isAtBottom.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80
    }
    element.addEventListener('scroll', look, { passive: true })
    return () => element.removeEventListener('scroll', look)
  })
  useEffect(() => {
    const element = scroller.current
    if (element && isAtBottom.current) element.scrollTop = element.scrollHeight
  }, [change])
  return scroller
}
