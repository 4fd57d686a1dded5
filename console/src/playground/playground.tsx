/** The playground: an assistant on the left, the conversation in the middle, what happens on the right. */
import { ActionIcon, Button, Drawer, Tooltip } from '@mantine/core'
import { useLocalStorage, useMediaQuery } from '@mantine/hooks'
import {
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconLayoutSidebarRightCollapse,
  IconLayoutSidebarRightExpand,
  IconPlus,
} from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import type { RequestCode } from '../api/code.ts'
import { keys, queryClient, useEndlessList, useThreadRuns } from '../api/queries.ts'
import type { Assistant } from '../api/types.ts'
import { isOver } from '../live/run-state.ts'
import { useRunFeed } from '../live/use-run-feed.ts'
import { Conversation } from '../threads/conversation.tsx'
import { ConversationTools } from '../threads/conversation-tools.tsx'
import { AssistantPanel } from './assistant-panel.tsx'
import { Composer } from './composer.tsx'
import { usePlace, type Place } from './place.ts'
import { Inspector } from './inspector.tsx'
import { Welcome } from './welcome.tsx'

export function Playground() {
  const [place, setPlace] = usePlace()
  useDefaultAssistant(place, setPlace)
  const [isDirty, setDirty] = useState(false)
  const [action, setAction] = useState<RequestCode>()
  const { run_id, live, begin } = useActiveRun(place.thread)
  const panels = usePanels()
  useEffect(() => {
    document.title = 'Playground · Spool'
  }, [])
  return (
    <div className="playground">
      <Side
        isOpen={panels.isLeft}
        onClose={() => panels.setLeft(false)}
        isOver={panels.isSmall}
        title="Assistant"
        position="left"
      >
        <AssistantPanel place={place} setPlace={setPlace} onDirty={setDirty} />
      </Side>
      <section className="middle" aria-label="Conversation">
        <Bar place={place} setPlace={setPlace} panels={panels} />
        {place.thread === undefined ? (
          <Welcome place={place} setPlace={setPlace} onBegin={begin} onAction={setAction} />
        ) : (
          <ConversationTools thread_id={place.thread} onForked={(thread) => setPlace({ ...place, thread })}>
            <Conversation thread_id={place.thread} live={live} />
          </ConversationTools>
        )}
        <Composer
          place={place}
          setPlace={setPlace}
          active={isOver(live?.state.run?.status) ? undefined : live?.state.run}
          isDirty={isDirty}
          onBegin={begin}
          onAction={setAction}
        />
      </section>
      <Side
        isOpen={panels.isRight}
        onClose={() => panels.setRight(false)}
        isOver={panels.isSmall}
        title="Inspector"
        position="right"
      >
        <Inspector thread_id={place.thread} run_id={run_id} live={live} action={action} />
      </Side>
    </div>
  )
}

interface BarProps {
  place: Place
  setPlace: (place: Place) => void
  panels: ReturnType<typeof usePanels>
}

function Bar({ place: { assistant, thread }, setPlace, panels }: BarProps) {
  return (
    <div className="bar">
      <PanelButton
        isOpen={panels.isLeft}
        onClick={() => panels.setLeft(!panels.isLeft)}
        side="left"
        label="the assistant"
      />
      {thread === undefined ? (
        <span className="clip dim">A new thread begins with your first message</span>
      ) : (
        <Link href={`/threads/${thread}`} className="clip mono">
          {thread}
        </Link>
      )}
      <span className="spring" />
      {thread !== undefined && (
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => setPlace(assistant === undefined ? {} : { assistant })}
        >
          New thread
        </Button>
      )}
      <PanelButton
        isOpen={panels.isRight}
        onClick={() => panels.setRight(!panels.isRight)}
        side="right"
        label="the inspector"
      />
    </div>
  )
}

/** Where the address names no assistant: the one that the thread used last, else the newest. */
function useDefaultAssistant(place: Place, setPlace: (place: Place) => void): void {
  const runs = useThreadRuns(place.thread)
  const list = useEndlessList<Assistant>('/assistants', {}, { key: keys.assistants })
  const isKnown = place.thread === undefined || !runs.isPending
  const assistant = isKnown ? (runs.data?.[0]?.assistant_id ?? list.data?.pages[0]?.data[0]?.id) : undefined
  const isMissing = place.assistant === undefined && assistant !== undefined
  useEffect(() => {
    if (isMissing) setPlace({ ...place, assistant })
  }, [isMissing, assistant, place, setPlace])
}

/** The run to look at: the one started here, or the newest of the thread; it is followed until it ends. */
function useActiveRun(thread_id: string | undefined) {
  const [started, setStarted] = useState<{ thread_id: string; run_id: string }>()
  const { data: runs } = useThreadRuns(thread_id)
  const [newest] = runs ?? []
  const run_id = started && started.thread_id === thread_id ? started.run_id : newest?.id
  const isFollowed = run_id !== undefined && (run_id === started?.run_id || !isOver(newest?.status))
  const live = useRunFeed(thread_id, isFollowed ? run_id : undefined)
  const isEnded = live?.link === 'ended'
  const status = live?.state.run?.status
  useEffect(() => {
    if (!isEnded || run_id === undefined || thread_id === undefined) return
    for (const queryKey of [
      keys.messages(thread_id),
      keys.threadRuns(thread_id),
      keys.steps(run_id),
      keys.trace(run_id),
      keys.runs,
    ]) {
      void queryClient.invalidateQueries({ queryKey })
    }
  }, [isEnded, run_id, thread_id])
  useEffect(() => {
    if (run_id !== undefined) void queryClient.invalidateQueries({ queryKey: keys.trace(run_id) })
  }, [status, run_id])
  return {
    run_id,
    live,
    begin: (thread: string, run: string) => setStarted({ thread_id: thread, run_id: run }),
  }
}

function usePanels() {
  const isSmall = useMediaQuery('(max-width: 1100px)', false, { getInitialValueInEffect: false }) ?? false
  const [left, keepLeft] = useLocalStorage({
    key: 'spool.left',
    defaultValue: true,
    getInitialValueInEffect: false,
  })
  const [right, keepRight] = useLocalStorage({
    key: 'spool.right',
    defaultValue: true,
    getInitialValueInEffect: false,
  })
  const [small, setSmall] = useState<'left' | 'right' | undefined>()
  if (!isSmall) return { isSmall, isLeft: left, setLeft: keepLeft, isRight: right, setRight: keepRight }
  return {
    isSmall,
    isLeft: small === 'left',
    setLeft: (isOpen: boolean) => setSmall(isOpen ? 'left' : undefined),
    isRight: small === 'right',
    setRight: (isOpen: boolean) => setSmall(isOpen ? 'right' : undefined),
  }
}

interface SideProps {
  isOpen: boolean
  isOver: boolean
  onClose: () => void
  title: string
  position: 'left' | 'right'
  children: React.ReactNode
}

/** A column next to the conversation, or a drawer over it on a narrow screen. */
function Side({ isOpen, isOver: isDrawer, onClose, title, position, children }: SideProps) {
  if (isDrawer) {
    return (
      <Drawer
        opened={isOpen}
        onClose={onClose}
        title={title}
        position={position}
        size="min(420px, 100vw)"
        closeButtonProps={{ 'aria-label': `Close: ${title}` }}
      >
        {children}
      </Drawer>
    )
  }
  if (!isOpen) return null
  return (
    <aside className={`column ${position}`} aria-label={title}>
      {children}
    </aside>
  )
}

function PanelButton({
  isOpen,
  onClick,
  side,
  label,
}: {
  isOpen: boolean
  onClick: () => void
  side: 'left' | 'right'
  label: string
}) {
  const words = `${isOpen ? 'Hide' : 'Show'} ${label}`
  const icons =
    side === 'left'
      ? [IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand]
      : [IconLayoutSidebarRightCollapse, IconLayoutSidebarRightExpand]
  const Icon = icons[isOpen ? 0 : 1] ?? IconLayoutSidebarLeftCollapse
  return (
    <Tooltip label={words}>
      <ActionIcon aria-label={words} onClick={onClick}>
        <Icon size={18} />
      </ActionIcon>
    </Tooltip>
  )
}
